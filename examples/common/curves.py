"""The picture of a classifier's training."""

from pathlib import Path


def draw(history: list[dict[str, float]], rates: list[float], path: Path) -> None:
    """Write the curves of losses and accuracy by epoch, and of the learning rate by step, to `path`."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
    epochs = range(1, len(history) + 1)
    for name, label in (("train", "training"), ("val", "validation")):
        left.plot(epochs, [h[name] for h in history], marker=".", label=f"{label} {history[-1][name]:.3f}")
    left.set(title="loss", xlabel="epoch", yscale="log")
    left.legend()
    middle.plot(epochs, [h["accuracy"] for h in history], "C1", marker=".")
    middle.set(title="accuracy in validation", xlabel="epoch")
    right.plot(rates, "C2")
    right.set(title="learning rate", xlabel="step")
    for axes in (left, middle, right):
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
    plt.close(figure)
