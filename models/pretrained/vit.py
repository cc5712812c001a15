"""The Vision Transformer (Dosovitskiy et al. 2021), under Hugging Face's names and settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ... import autograd as ag
from ... import nn
from ...autograd import Tensor
from ...autograd.arrays import ArrayLike, as_array
from ...nn import functional as F
from .activation import activation
from .folder import Pretrained, initialize
from .labels import Labelled


@dataclass(frozen=True)
class ViTConfig(Labelled):
    """The settings of a ViT, with those of its base size as defaults."""

    heads = {"vit": {"ViTForImageClassification": "image", "ViTModel": ""}}
    model_type: str = "vit"
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.0
    attention_probs_dropout_prob: float = 0.0
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    image_size: int | list = 224  # one number, or height and width
    patch_size: int | list = 16
    num_channels: int = 3
    qkv_bias: bool = True
    pooler_output_size: int | None = None  # hidden_size unless given
    pooler_act: str = "tanh"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_divides("num_attention_heads", "hidden_size")
        activation(self.hidden_act)
        activation(self.pooler_act)
        for name in ("image_size", "patch_size"):
            size = self._pair(name)
            if len(size) != 2 or not all(type(n) is int and n > 0 for n in size):
                self.refuse(name, "is to be one number or two, of 1 or more")
        if 0 in self.grid:
            self.refuse("patch_size", f"is to fit into image_size, {self.image_size}")

    def _pair(self, name: str) -> tuple[int, ...]:
        size = getattr(self, name)
        return (size, size) if isinstance(size, int) else tuple(size)

    @property
    def image(self) -> tuple[int, ...]:
        """Height and width of an image."""
        return self._pair("image_size")

    @property
    def patch(self) -> tuple[int, ...]:
        """Height and width of a patch."""
        return self._pair("patch_size")

    @property
    def grid(self) -> tuple[int, int]:
        """How many patches an image has below and beside each other; what remains of it is not seen."""
        return self.image[0] // self.patch[0], self.image[1] // self.patch[1]


class Embeddings(nn.Module):
    """What enters the first layer: a token of its own that is to stand for the image, then its patches."""

    def __init__(self, c: ViTConfig):
        self.grid, self.patch = c.grid, c.patch
        positions = 1 + c.grid[0] * c.grid[1]
        self.cls_token = nn.Parameter.empty((1, 1, c.hidden_size))
        self.position_embeddings = nn.Parameter.empty((1, positions, c.hidden_size))
        self.patch_embeddings = nn.Module()
        self.patch_embeddings.projection = nn.Conv2d(c.num_channels, c.hidden_size, c.patch, c.patch)
        self.dropout = nn.Dropout(c.hidden_dropout_prob)

    def forward(self, pixels: ArrayLike) -> Tensor:
        x = self.patch_embeddings.projection(pixels)  # (B, C, rows, columns)
        b, c, rows, columns = x.shape
        x = x.reshape(b, c, rows * columns).transpose(0, 2, 1)
        x = ag.concatenate([ag.broadcast_to(self.cls_token, (b, 1, c)), x], axis=1)
        return self.dropout(x + self.positions(rows, columns))

    def positions(self, rows: int, columns: int) -> Tensor:
        """(1, 1 + rows * columns, C): as learned, or for a larger or smaller image what lies between."""
        table = self.position_embeddings
        if (rows, columns) == self.grid:
            return table
        image = table[:, 1:].reshape(1, *self.grid, -1).transpose(0, 3, 1, 2)
        image = F.interpolate(image, (rows, columns), mode="bicubic", align_corners=False)
        between = image.transpose(0, 2, 3, 1).reshape(1, rows * columns, -1)
        return ag.concatenate([table[:, :1], between], axis=1)


class SelfAttention(nn.Module):
    """Heads side by side."""

    def __init__(self, c: ViTConfig):
        self.heads, self.dropout = c.num_attention_heads, c.attention_probs_dropout_prob
        self.query = nn.Linear(c.hidden_size, c.hidden_size, bias=c.qkv_bias)
        self.key = nn.Linear(c.hidden_size, c.hidden_size, bias=c.qkv_bias)
        self.value = nn.Linear(c.hidden_size, c.hidden_size, bias=c.qkv_bias)

    def forward(self, x: Tensor) -> Tensor:  # (B, T, C)
        parts = self.query(x), self.key(x), self.value(x)
        return F.multi_head_attention(parts, self.heads, None, self.dropout if self.training else 0.0)


class Dense(nn.Module):
    """A product, and perhaps an activation."""

    def __init__(self, inputs: int, outputs: int, act: str = "linear"):
        self.dense = nn.Linear(inputs, outputs)
        self.act = activation(act)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.dense(x))


class Layer(nn.Module):
    """Attention between all patches, then feed-forward, each on a normalised copy added to the stream."""

    def __init__(self, c: ViTConfig):
        self.layernorm_before = nn.LayerNorm(c.hidden_size, c.layer_norm_eps)
        self.attention = nn.Module()
        self.attention.attention = SelfAttention(c)
        self.attention.output = Dense(c.hidden_size, c.hidden_size)
        self.layernorm_after = nn.LayerNorm(c.hidden_size, c.layer_norm_eps)
        self.intermediate = Dense(c.hidden_size, c.intermediate_size, c.hidden_act)
        self.output = Dense(c.intermediate_size, c.hidden_size)
        self.dropout = nn.Dropout(c.hidden_dropout_prob)

    def forward(self, x: Tensor) -> Tensor:
        y = self.attention.attention(self.layernorm_before(x))
        x = x + self.dropout(self.attention.output(y))
        return x + self.dropout(self.output(self.intermediate(self.layernorm_after(x))))


class Body(nn.Module):
    """The parts whose names begin with `vit`."""

    def __init__(self, c: ViTConfig):
        self.embeddings = Embeddings(c)
        self.encoder = nn.Module()
        self.encoder.layer = nn.ModuleList(Layer(c) for _ in range(c.num_hidden_layers))
        self.layernorm = nn.LayerNorm(c.hidden_size, c.layer_norm_eps)
        wide = c.pooler_output_size or c.hidden_size
        self.pooler = None if c.head else Dense(c.hidden_size, wide, c.pooler_act)


class ViT(Pretrained):
    """A Transformer that reads an image as a text of patches, with the head that `config.architecture` names.

    Dosovitskiy et al. 2021, arXiv:2010.11929. Pre-norm, learned positions, a token of its own for the image.
    """

    config_class = ViTConfig
    architectures = {"vit": "ViTForImageClassification"}
    base = "vit"
    config: ViTConfig

    def __init__(self, config: ViTConfig):
        super().__init__(config)
        self.vit = Body(config)
        if config.head:
            self.classifier = nn.Linear(config.hidden_size, len(config.labels))
        # of checkpoints that have another head
        self.ignored = (r"\bpooler\.",) if config.head else (r"^classifier\.",)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Normal, initializer_range."""
        initialize(self, self.config.initializer_range)

    def hidden(self, pixels: ArrayLike, *, interpolate_pos_encoding: bool = False) -> Tensor:
        """The last hidden states (B, 1 + patches, C), normalised, of images `pixels` (B, channels, H, W).

        The first is the image's, the others are those of patches row by row. `interpolate_pos_encoding` takes
        images of other sizes than the config's too, with positions in between those that were learned.
        TypeError for pixels that are no floats, ValueError for images of another size, or too small for one
        patch.
        """
        body, c = self.vit, self.config
        pixels = pixels if isinstance(pixels, Tensor) else as_array(pixels)  # torch's too
        kind = pixels.dtype
        if kind.kind != "f":
            raise TypeError(
                f"{self.label()}: pixels are to be floats, normalised as in training, not {kind}; for bytes "
                "often pixels / 127.5 - 1"
            )
        shape = pixels.shape
        wanted = (c.num_channels, *c.image)
        fits = len(shape) == 4 and shape[1] == c.num_channels
        if interpolate_pos_encoding:
            fits = fits and shape[2] >= c.patch[0] and shape[3] >= c.patch[1]
        elif fits and shape[1:] != wanted:
            raise ValueError(
                f"{self.label()}: images of {shape[2]} x {shape[3]} pixels, but the model reads "
                f"{c.image[0]} x {c.image[1]}; resize them, or set interpolate_pos_encoding=True"
            )
        if not fits:
            raise ValueError(
                f"{self.label()}: pixels of shape {shape}, expected (batch, {', '.join(map(str, wanted))})"
            )
        table = body.embeddings.position_embeddings
        x = ag.astype(pixels, table.dtype) if kind != table.dtype else pixels
        x = body.embeddings(x)
        for layer in body.encoder.layer:
            x = layer(x)
        return body.layernorm(x)

    def forward(self, pixels: ArrayLike, *, interpolate_pos_encoding: bool = False) -> Any:
        """Logits (B, L) of the L labels for images `pixels` (B, channels, H, W); errors as of `hidden`.

        A model without head gives the last hidden states (B, 1 + patches, C) and the pooled first one (B, P).
        """
        x = self.hidden(pixels, interpolate_pos_encoding=interpolate_pos_encoding)
        first = x[:, 0]
        return (x, self.vit.pooler(first)) if self.vit.pooler is not None else self.classifier(first)

    def settings(self) -> dict[str, Any]:
        """What config.json has of this model: its config, transformers' class, and the dtype as it is."""
        return {**super().settings(), "architectures": [self.config.architecture]}
