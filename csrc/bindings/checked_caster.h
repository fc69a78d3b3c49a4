#pragma once
// Instances that `cls.__new__(cls)` made without __init__ have no C++ object behind them. pybind11
// would hand out memory that nobody initialised; here such an instance is a TypeError.

#include <pybind11/pybind11.h>

#include <concepts>
#include <string>
#include <utility>

#include "runtime/network.h"
#include "runtime/trainer.h"

namespace pycnn::bindings {

template <typename T, typename... Ts>
concept OneOf = (std::same_as<T, Ts> || ...);

// Every class that the module binds.
template <typename T>
concept Bound =
    OneOf<T, Tensor, Parameter, NodeInfo, Graph, SgdOptions, AdamOptions, RmspropOptions,
          OptimizerOptions, OutputOptions, Totals, Progress, InstructionTime, Network, Trainer>;

template <typename T>
class CheckedCaster : public pybind11::detail::type_caster_base<T> {
  using Base = pybind11::detail::type_caster_base<T>;

 public:
  using Base::Base;

  bool load(pybind11::handle source, bool convert) {
    return this->template load_impl<CheckedCaster>(source, convert);
  }

  // load_impl comes here with an instance of the class.
  void load_value(pybind11::detail::value_and_holder&& value) {
    if (value.value_ptr() == nullptr) {
      const char* name = this->typeinfo->type->tp_name;
      throw pybind11::type_error(std::string(name) + " was not initialised: __init__ did not run");
    }
    Base::load_value(std::move(value));
  }
};

}  // namespace pycnn::bindings

namespace pybind11::detail {

template <pycnn::bindings::Bound T>
class type_caster<T> : public pycnn::bindings::CheckedCaster<T> {};

}  // namespace pybind11::detail
