# The CUDA backend of pycnn_core, in one of three forms:
#   with nvcc       kernels for PYCNN's default architectures (CMAKE_CUDA_ARCHITECTURES says others)
#   emulated        the same kernels built for the host, on tests/cuda_emulator: for tests alone
#   not at all      stand-ins that say what is missing

set(cuda_dir ${PROJECT_SOURCE_DIR}/csrc)
file(GLOB cuda_kernels CONFIGURE_DEPENDS ${cuda_dir}/cuda/*.cu ${cuda_dir}/ops/cuda/*.cu)
file(GLOB cuda_sources CONFIGURE_DEPENDS ${cuda_dir}/cuda/*.cpp ${cuda_dir}/runtime/cuda/*.cpp)

set(cuda_form none)
if(PYCNN_CUDA STREQUAL "EMULATED")
  set(cuda_form emulated)
elseif(PYCNN_CUDA STREQUAL "ON" OR PYCNN_CUDA STREQUAL "AUTO")
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    set(cuda_form toolkit)
  elseif(PYCNN_CUDA STREQUAL "ON")
    message(FATAL_ERROR "PYCNN_CUDA=ON, but CMake finds no nvcc (CMAKE_CUDA_COMPILER names it)")
  endif()
elseif(NOT PYCNN_CUDA STREQUAL "OFF")
  message(FATAL_ERROR "PYCNN_CUDA is '${PYCNN_CUDA}'; it must be AUTO, ON, OFF or EMULATED")
endif()

if(cuda_form STREQUAL "toolkit")
  set(choose_architectures OFF)
  if(NOT CMAKE_CUDA_ARCHITECTURES AND NOT DEFINED ENV{CUDAARCHS})
    set(choose_architectures ON)
    set(CMAKE_CUDA_ARCHITECTURES 75)  # or CMake would put a choice of its own into the cache
  endif()
  enable_language(CUDA)
  if(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 12.4)
    if(PYCNN_CUDA STREQUAL "ON")
      message(FATAL_ERROR "PYCNN_CUDA=ON needs CUDA 12.4 or later; "
        "${CMAKE_CUDA_COMPILER} is ${CMAKE_CUDA_COMPILER_VERSION}")
    endif()
    message(WARNING "CUDA ${CMAKE_CUDA_COMPILER_VERSION} is too old for pycnn, which needs 12.4: "
      "without the CUDA backend")
    set(cuda_form none)
  endif()
endif()

if(cuda_form STREQUAL "toolkit")
  if(choose_architectures)
    # Code for every generation since Turing, and PTX of the last one for those to come.
    set(CMAKE_CUDA_ARCHITECTURES 75-real 80-real 86-real 89-real 90-real 100-real 120)
    if(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 12.8)
      set(CMAKE_CUDA_ARCHITECTURES 75-real 80-real 86-real 89-real 90)
    endif()
  endif()
  find_package(CUDAToolkit REQUIRED)
  target_sources(pycnn_core PRIVATE ${cuda_kernels} ${cuda_sources})
  set_target_properties(pycnn_core PROPERTIES CUDA_RUNTIME_LIBRARY Static
    CUDA_ARCHITECTURES "${CMAKE_CUDA_ARCHITECTURES}")
  target_link_libraries(pycnn_core PUBLIC CUDA::cudart_static)
  # CMake before 3.26 does not know that nvcc 13 has C++20, and would leave CUDA_STANDARD out.
  target_compile_options(pycnn_core PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:-std=c++20
    --threads=2>)
elseif(cuda_form STREQUAL "emulated")
  pycnn_emulate_cuda(pycnn_core ${cuda_kernels})
  target_sources(pycnn_core PRIVATE ${cuda_sources})
else()
  target_sources(pycnn_core PRIVATE ${cuda_dir}/runtime/cuda_missing.cpp)
endif()
message(STATUS "pycnn: CUDA backend: ${cuda_form}")
