"""DLPack's structures by ctypes: producers that claim what a test wants, capsules to look into."""

import ctypes
from typing import Any

import pycnn

CPU, CUDA, CUDA_HOST, CUDA_MANAGED = 1, 2, 3, 13
READ_ONLY, IS_COPIED = 1, 2
FLOAT32, UINT8, INT64 = (2, 32, 1), (1, 8, 1), (0, 64, 1)


class Device(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int32), ("id", ctypes.c_int32)]


class DataType(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16)]


class Array(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device", Device),
        ("ndim", ctypes.c_int32),
        ("dtype", DataType),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


class Managed(ctypes.Structure):
    _fields_ = [
        ("array", Array),
        ("context", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
    ]


class ManagedVersioned(ctypes.Structure):
    _fields_ = [
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("context", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("array", Array),
    ]


_python = ctypes.pythonapi
_python.PyCapsule_New.restype = ctypes.py_object
_python.PyCapsule_New.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
_python.PyCapsule_GetPointer.restype = ctypes.c_void_p
_python.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
_python.PyCapsule_GetName.restype = ctypes.c_char_p
_python.PyCapsule_GetName.argtypes = [ctypes.py_object]
_DELETER = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


def new_capsule(address: int, name: bytes | None) -> Any:
    return _python.PyCapsule_New(address, name, None)


def capsule_name(capsule: Any) -> bytes:
    return _python.PyCapsule_GetName(capsule)


def managed_in(capsule: Any) -> Any:
    """The structure in a capsule that nobody has taken."""
    name = capsule_name(capsule)
    kind = ManagedVersioned if name == b"dltensor_versioned" else Managed
    return kind.from_address(_python.PyCapsule_GetPointer(capsule, name))


class Producer:
    """An array of another library, over a tensor's memory; options say what it claims instead.

    It must live as long as its capsules: its memory holds their structures.
    """

    def __init__(self, tensor: pycnn.Tensor, *, versioned: bool = True, **claims: Any) -> None:
        self.device = (CUDA, 0)
        self.received: list[dict[str, Any]] = []
        self.deleted = 0
        self._tensor = tensor
        shape = claims.get("shape", tensor.shape)
        strides = claims.get("strides")
        dtype = {"float32": FLOAT32, "uint8": UINT8, "int64": INT64}[tensor.dtype]
        address = tensor.__cuda_array_interface__["data"][0]
        self._shape = shape and (ctypes.c_int64 * len(shape))(*shape)
        self._strides = strides and (ctypes.c_int64 * len(strides))(*strides)
        self._delete = _DELETER(self._count)
        array = Array(
            claims.get("data", address),
            Device(*claims.get("inner_device", (CUDA, 0))),
            claims.get("ndim", len(shape or ())),
            DataType(*claims.get("dtype", dtype)),
            None if not shape else ctypes.cast(self._shape, ctypes.POINTER(ctypes.c_int64)),
            None if not strides else ctypes.cast(self._strides, ctypes.POINTER(ctypes.c_int64)),
            claims.get("byte_offset", 0),
        )
        deleter = (
            ctypes.cast(self._delete, ctypes.c_void_p) if claims.get("deleter", True) else None
        )
        if versioned:
            version = claims.get("version", (1, 1))
            self.managed: Any = ManagedVersioned(
                *version, None, deleter, claims.get("flags", 0), array
            )
        else:
            self.managed = Managed(array, None, deleter)
        self._name = b"dltensor_versioned" if versioned else b"dltensor"
        self.capsule = self.new_capsule()

    def _count(self, _: Any) -> None:
        self.deleted += 1

    def new_capsule(self) -> Any:
        return new_capsule(ctypes.addressof(self.managed), self._name)

    def __dlpack__(self, **options: Any) -> Any:
        self.received.append(options)
        return self.capsule

    def __dlpack_device__(self) -> Any:
        return self.device


class Interface:
    """An array of another library that has __cuda_array_interface__ alone."""

    def __init__(self, tensor: pycnn.Tensor, **claims: Any) -> None:
        self._tensor = tensor
        self.__cuda_array_interface__ = tensor.__cuda_array_interface__ | claims
