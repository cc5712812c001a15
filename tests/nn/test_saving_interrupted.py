"""Saving that fails, is killed, or is taken up again by another process."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tapegrad import nn


def test_a_save_through_a_link_writes_its_target(tmp_path):
    link = tmp_path / "latest"
    link.symlink_to(tmp_path / "real")
    nn.save(link, step=1)
    assert link.is_symlink() and nn.load(tmp_path / "real") == {"step": 1}
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "real").stat().st_mode & 0o777 == 0o666 & ~umask


SAVING = """
import sys
import numpy as np
from tapegrad import nn
class Model:
    def state_dict(self):
        return {"w": np.full(500_000, step)}
step = 0
while True:
    step += 1
    nn.save(sys.argv[1], model=Model(), step=step)
    print(step, flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="kills with a signal")
def test_a_killed_program_leaves_a_whole_file(tmp_path):
    path = tmp_path / "c"
    for delay in (0.0, 0.004, 0.011):
        with subprocess.Popen([sys.executable, "-c", SAVING, str(path)], stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
            process.stdout.read()
        w = np.zeros(500_000, np.int64)

        class Model:
            def state_dict(self, w=w):
                return {"w": w}

            def load_state_dict(self, state, w=w):
                w[:] = state["w"]

        step = nn.load(path, model=Model())["step"]
        assert step >= 1 and (w == step).all()
    nn.save(path, step=0)
    assert os.listdir(tmp_path) == ["c"]  # what the killed ones left is gone


RESUME = """
import json, sys
import numpy as np
from tapegrad import nn
from tapegrad.nn.optim import AdamW
from tapegrad.nn.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR
load, save, steps = json.loads(sys.argv[1])
nn.manual_seed(1 if load is None else 999)
model = nn.Sequential(nn.Linear(5, 16), nn.GELU(), nn.Dropout(0.4), nn.Linear(16, 3))
decayed = [p for p in model.parameters() if p.ndim > 1]
others = [p for p in model.parameters() if p.ndim == 1]
optimizer = AdamW([{"params": decayed}, {"params": others, "weight_decay": 0.0}], lr=0.03)
parts = [LinearLR(optimizer, 0.2, total_iters=5), CosineAnnealingLR(optimizer, 35, eta_min=0.003)]
schedule = SequentialLR(optimizer, parts, [5])
done = 0 if load is None else nn.load(load, model=model, optimizer=optimizer, schedule=schedule)["step"]
for step in range(done, done + steps):
    x = np.asarray(nn.random.generator().random((12, 5), dtype=np.float32))
    loss = ((model(nn.Parameter(x)) - x[:, :3]) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 0.5)
    optimizer.step()
    schedule.step()
    print(step, loss.item().hex())
nn.save(save, model=model, optimizer=optimizer, schedule=schedule, step=done + steps)
"""


def run(load, save, steps):
    arguments = json.dumps([load and str(load), str(save), steps])
    done = subprocess.run(
        [sys.executable, "-c", RESUME, arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(tmp_path):
    from safetensors import safe_open

    whole = run(None, tmp_path / "whole", 24)
    parts = (
        run(None, tmp_path / "a", 9)
        + run(tmp_path / "a", tmp_path / "b", 8)
        + run(tmp_path / "b", tmp_path / "c", 7)
    )
    assert parts == whole
    with safe_open(tmp_path / "whole", "numpy") as one, safe_open(tmp_path / "c", "numpy") as two:
        assert json.loads(one.metadata()["about"]) == json.loads(two.metadata()["about"])
        for name in one.keys():  # noqa: SIM118
            assert one.get_tensor(name).tobytes() == two.get_tensor(name).tobytes(), name
