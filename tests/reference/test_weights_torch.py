"""The state of every module through files from torch to here and back: outputs and gradients are equal."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.torch")

import nn_coverage
from against_torch import close, compare
from layers_with_weights import BARE, HELD, LAYERS, NONE_HELD, RNG
from tapegrad import nn

TOLERANCE = {"float64": None, "float32": 5e-5}  # of an array's largest number
pytestmark = pytest.mark.filterwarnings(  # torch's, of what is new or slow there
    "ignore:Lazy modules", "ignore:enable_nested_tensor", "ignore:LSTM with projections"
)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)
    nn.manual_seed(0)


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "w.safetensors")


def random_state(module):
    """Arrays that fit a module: buffers positive, as variances and weights of classes are."""
    buffers = {name for name, _ in module.named_buffers()}
    state = {}
    for name, value in module.state_dict().items():
        value = np.asarray(value)
        if value.dtype.kind == "i":
            state[name] = value + 3
        else:
            drawn = RNG.uniform(0.5, 1.5, value.shape) if name in buffers else RNG.normal(0, 0.5, value.shape)
            state[name] = drawn.astype(value.dtype)
    return state


def flat(module):
    """It, with outputs in one tuple."""

    def spread(outputs):
        return [z for y in outputs for z in spread(y)] if isinstance(outputs, (tuple, list)) else [outputs]

    return lambda *inputs: tuple(y for y in spread(module(*inputs)) if y is not None)


def fresh(build, inputs, dtype):
    """The module here and in torch, with weights of their own."""
    ours = build(nn, lambda a: a).to(getattr(np, dtype))
    theirs = build(torch.nn, torch.tensor).to(getattr(torch, dtype))
    if isinstance(theirs, torch.nn.SyncBatchNorm):  # torch's trains on a GPU alone
        ours.eval(), theirs.eval()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    return ours, theirs


def agree(ours, theirs, inputs, dtype):
    """All that there is, before a call, of it and after it."""
    for _ in range(2):
        state = theirs.state_dict()
        assert list(ours.state_dict()) == list(state)
        for name, array in ours.state_dict().items():
            wanted = state[name].numpy()
            assert array.dtype == wanted.dtype and array.shape == wanted.shape, name
            close(array, wanted, 1e-9, 1e-12, TOLERANCE[dtype], name)
        ours.zero_grad()
        theirs.zero_grad()
        compare(flat(ours), flat(theirs), inputs, None, (ours, theirs), TOLERANCE[dtype])


def both_ways(build, inputs, dtype, path):
    """From torch through a file to here, and back with other weights."""
    inputs = [a.astype(dtype) if a.dtype.kind == "f" else a for a in inputs]
    ours, theirs = fresh(build, inputs, dtype)
    if any("Uninitialized" in type(v).__name__ for v in theirs.state_dict().values()):
        theirs(*[torch.tensor(a) for a in inputs])
    theirs.load_state_dict({name: torch.tensor(a) for name, a in random_state(theirs).items()})
    safetensors.save_file(theirs.state_dict(), path)
    assert ours.load_state_dict(nn.load_weights(path)) == ([], [])
    agree(ours, theirs, inputs, dtype)

    ours.load_state_dict(random_state(ours))
    _, theirs = fresh(build, inputs, dtype)
    if type(theirs).__name__.startswith("LazyInstanceNorm"):  # torch's learns its size from a call alone
        theirs(*[torch.tensor(a) for a in inputs])
    nn.save_weights(path, ours)
    assert theirs.load_state_dict(safetensors.load_file(path))[:] == ([], [])
    agree(ours, theirs, inputs, dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: f"{layer.name} {layer.options}")
def test_module(layer, dtype, path):
    both_ways(layer.made, layer.inputs, dtype, path)


def test_no_module_is_left_out():
    """Each has weights and is held to torch's above or below, or has none in either library."""
    names = {name.removeprefix("nn.") for name in nn_coverage.here()["modules"]}
    tested = {layer.name for layer in LAYERS}
    assert names == tested | {*HELD, *BARE, *NONE_HELD}
    for name, args in NONE_HELD.items():
        for library in (nn, torch.nn):
            assert list(getattr(library, name)(*args).state_dict()) == [], name
    for layer in LAYERS:
        assert len(layer.made(torch.nn, torch.tensor).state_dict()) > 0, layer


# ------------------------------------------------------------------------------------ what holds others


def sequence(library, array):
    return library.Sequential(
        library.Conv2d(2, 4, 3), library.BatchNorm2d(4), library.Flatten(), library.LazyLinear(3)
    )


def holders(library, array):
    """Modules and parameters in lists and dicts."""

    class Net(library.Module):
        def __init__(self):
            super().__init__()
            self.layers = library.ModuleList([library.Linear(4, 4), library.Tanh(), library.Linear(4, 4)])
            self.heads = library.ModuleDict({"b": library.Linear(4, 2), "a": library.Linear(4, 2)})
            self.scales = library.ParameterList([array(np.float32([1, 2])), array(np.float32([3]))])
            self.shifts = library.ParameterDict({"b": array(np.float32([1, 2])), "a": array(np.float32([3]))})
            self.register_buffer("seen", array(np.array(2)))
            self.register_buffer("scratch", array(np.ones(2)), persistent=False)

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
            x = self.heads["a"](x) * self.scales[0] + self.heads["b"](x) * self.scales[1]
            return x + self.shifts["a"] * self.shifts["b"]

    return Net()


def stacked(kind):
    def build(library, array):
        layer = getattr(library, f"Transformer{kind}Layer")(4, 2, 5, dropout=0.0)
        return getattr(library, f"Transformer{kind}")(layer, 2, library.LayerNorm(4))

    return build


def recurrent(library, array):
    return library.RNNBase("LSTM", 3, 4, 2)


def normed(library, array):
    """Parametrized weights, of which one has buffers, and one under the older names."""
    utils = library.utils
    parametrizations = utils.parametrizations
    return library.Sequential(
        parametrizations.weight_norm(library.Linear(4, 5)),
        parametrizations.spectral_norm(library.Linear(5, 4)),
        parametrizations.weight_norm(library.Linear(4, 3), dim=None),
    )


MODELS = {
    "Sequential": (sequence, [RNG.normal(size=(3, 2, 4, 5))]),
    "lists and dicts": (holders, [RNG.normal(size=(3, 4))]),
    "TransformerEncoder": (stacked("Encoder"), [RNG.normal(size=(3, 2, 4))]),
    "TransformerDecoder": (stacked("Decoder"), [RNG.normal(size=(3, 2, 4)), RNG.normal(size=(5, 2, 4))]),
    "parametrized": (normed, [RNG.normal(size=(5, 4))]),
}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", MODELS)
def test_models(name, dtype, path):
    both_ways(*MODELS[name], dtype, path)


def test_what_has_no_forward(path):
    """RNNBase: its state alone."""
    ours, theirs = recurrent(nn, None), recurrent(torch.nn, None)
    nn.save_weights(path, ours)
    assert theirs.load_state_dict(safetensors.load_file(path))[:] == ([], [])
    safetensors.save_file(theirs.state_dict(), path)
    assert ours.load_state_dict(nn.load_weights(path)) == ([], [])


def tied(library):
    model = library.Sequential(library.Linear(4, 4), library.Tanh(), library.Linear(4, 4, bias=False))
    model[2].weight = model[0].weight
    return model


def test_tied_weights(path):
    """As safetensors.torch.save_model and load_model have them: once in the file."""
    ours, theirs = tied(nn), tied(torch.nn)
    safetensors.save_model(theirs, path)
    assert len(safetensors.load_file(path)) == 2
    assert ours.load_state_dict(nn.load_weights(path)) == ([], [])
    agree(ours, theirs, [RNG.normal(size=(3, 4)).astype(np.float32)], "float32")
    ours = tied(nn)
    nn.save_weights(path, ours)
    assert len(safetensors.load_file(path)) == 2
    assert safetensors.load_model(theirs, path)[1] == []
    agree(ours, theirs, [RNG.normal(size=(3, 4)).astype(np.float32)], "float32")
    nn.save_weights(path, ours.state_dict())
    assert theirs.load_state_dict(safetensors.load_file(path))[:] == ([], [])


# ------------------------------------------------------------------------------------ dtypes


@pytest.mark.parametrize("half", ["bfloat16", "float16"])
def test_half_precision(half, path):
    theirs = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3)).to(getattr(torch, half))
    safetensors.save_file(theirs.state_dict(), path)
    weights = nn.load_weights(path)
    assert weights["0.weight"].dtype == (np.float16 if half == "float16" else np.float32)
    for name, tensor in theirs.float().state_dict().items():
        np.testing.assert_array_equal(weights[name], tensor.numpy(), err_msg=name)
    ours = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)).double()
    ours.load_state_dict(weights)
    agree(ours, theirs.double(), [RNG.normal(size=(5, 4))], "float64")


def test_bfloat16_comes_back_bit_for_bit(path):
    bits = torch.arange(2**16, dtype=torch.int32).to(torch.int16)
    finite = bits[(bits & 0x7F80) != 0x7F80]
    for weights in ({"w": finite.view(torch.bfloat16)}, torch.nn.Linear(3, 2).bfloat16()):
        nn.save_weights(path, weights)
        state = weights if isinstance(weights, dict) else weights.state_dict()
        for name, tensor in safetensors.load_file(path).items():
            assert tensor.dtype == torch.bfloat16 and torch.equal(tensor, state[name])
        for name, array in nn.load_weights(path).items():
            np.testing.assert_array_equal(array, state[name].float().numpy())
    nan = torch.tensor([float("nan"), float("inf")]).bfloat16()
    nn.save_weights(path, {"w": nan})
    np.testing.assert_array_equal(nn.load_weights(path)["w"], [np.nan, np.inf])


@pytest.mark.parametrize("dtype", ["float8_e4m3fn", "float8_e5m2"])
def test_eight_bits(dtype, path):
    tensor = torch.arange(256, dtype=torch.int32).to(torch.uint8).view(getattr(torch, dtype))
    safetensors.save_file({"w": tensor}, path)
    np.testing.assert_array_equal(nn.load_weights(path)["w"], tensor.float().numpy())


@pytest.mark.parametrize("dtype", ["float8_e8m0fnu", "float8_e4m3fnuz"])
def test_dtypes_that_are_refused(dtype, path):
    safetensors.save_file({"w": torch.zeros(3).to(getattr(torch, dtype))}, path)
    with pytest.raises(
        ValueError, match=r"entry 'w' has dtype F8_\w+, which NumPy has not; in torch, take its"
    ):
        nn.load_weights(path)


NAMES = "bool uint8 int8 uint16 int16 uint32 int32 uint64 int64 float16 float32 float64 complex64"


@pytest.mark.parametrize("dtype", NAMES.split())
def test_dtypes(dtype, path):
    tensor = torch.tensor([[0, 1, 2], [3, 4, 5]]).to(getattr(torch, dtype))
    weights = {"w": tensor, "t": tensor.T, "s": tensor[:, ::2], "0d": tensor[1, 1], "empty": tensor[:, :0]}
    nn.save_weights(path, weights)
    there, here = safetensors.load_file(path), nn.load_weights(path)
    assert list(here) == list(weights)
    for name, tensor in weights.items():
        assert there[name].dtype == tensor.dtype and torch.equal(there[name], tensor)
        np.testing.assert_array_equal(here[name], tensor.numpy(), strict=True)


# ------------------------------------------------------------------------------------ other files


def test_tensors_that_want_a_gradient(path):
    theirs = torch.nn.Linear(4, 3)
    nn.save_weights(path, dict(theirs.named_parameters()))
    assert nn.Linear(4, 3).load_state_dict(nn.load_weights(path)) == ([], [])
    with pytest.raises(TypeError, match="nn.save_weights: entry 'w': .*meta"):
        nn.save_weights(path, {"w": torch.empty(3, device="meta")})


def test_an_index_of_files_of_torch(tmp_path):
    state = {name: torch.ones(2) * i for i, name in enumerate("abc")}
    for i, part in enumerate(("ab", "c")):
        safetensors.save_file({name: state[name] for name in part}, tmp_path / f"model-{i}.safetensors")
    places = {name: f"model-{name == 'c':d}.safetensors" for name in state}
    about = {"metadata": {"total_size": 24}, "weight_map": places}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(about))
    for name, array in nn.load_weights(tmp_path).items():
        np.testing.assert_array_equal(array, state[name].numpy())
