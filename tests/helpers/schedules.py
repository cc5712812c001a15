"""An optimizer to schedule, and its rates."""

import numpy as np

from tapegrad import nn
from tapegrad.nn.optim import SGD


def optimizer(*rates, kind=SGD, **options):
    """With a group for each of the rates, one of rate 1 without any."""
    groups = [{"params": [nn.Parameter(np.zeros(2))], "lr": lr} for lr in rates or (1.0,)]
    return kind(groups, **options)


def rates(opt):
    """What its groups have now."""
    return [group["lr"] for group in opt.param_groups]


def curve(make, steps, opt=None, name="lr"):
    """What the first group has of `name` in each of the first `steps` updates."""
    opt = opt or optimizer()
    schedule, seen = make(opt), []
    for _ in range(steps):
        seen.append(opt.param_groups[0][name])
        opt.step()
        schedule.step()
    return seen
