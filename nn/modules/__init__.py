"""Modules by the topics of nn.functional: parameters, checks that name the layer, one call of a function."""
