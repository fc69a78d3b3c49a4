"""The CUDA backend: whether this build has it, and whether this machine can use it."""

from pycnn import _core

__all__ = ["device_name", "is_available", "is_built", "memory_info"]


def is_built() -> bool:
    """Whether this installation of pycnn has the CUDA backend."""
    return _core.cuda_is_built()


def is_available() -> bool:
    """Whether it has, and there is an NVIDIA GPU with a driver.

    False in a fork's child of a process that has used the GPU: no such child can use it.
    """
    return _core.cuda_is_available()


def device_name() -> str:
    """The name of the GPU.

    Raises:
        RuntimeError: there is none; the message says what is missing.
    """
    return _core.cuda_device_name()


def memory_info() -> tuple[int, int]:
    """The GPU's memory in bytes: what is free, of all programs' use, and all that there is.

    Raises:
        RuntimeError: there is no GPU; the message says what is missing.
    """
    return _core.cuda_memory_info()
