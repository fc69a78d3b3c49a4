#pragma once
// An argument whose type the function checks itself, so that the error names it: pybind11's own
// lists C++ signatures.

#include <pybind11/pybind11.h>

#include <string>

#include "core/error.h"

namespace pycnn::bindings {

// Of type T, as the signature says; anything until it is asked for.
template <typename T>
struct Argument {
  pybind11::object object;

  // Throws TypeError: "[Tensor] {what}; got ...".
  T value(const std::string& what) const {
    pybind11::detail::make_caster<T> caster;  // as if the parameter were a T
    if (caster.load(object, true)) return pybind11::detail::cast_op<T>(caster);
    throw TypeError("[Tensor] " + what + "; got " + pybind11::repr(object).cast<std::string>());
  }
};

}  // namespace pycnn::bindings

namespace pybind11::detail {

template <typename T>
class type_caster<pycnn::bindings::Argument<T>> {
 public:
  PYBIND11_TYPE_CASTER(pycnn::bindings::Argument<T>, make_caster<T>::name);

  bool load(handle source, bool) {
    value.object = reinterpret_borrow<object>(source);
    return true;
  }
};

}  // namespace pybind11::detail
