#pragma once
// DLPack's structures in memory, after its published ABI, major version 1
// (https://dmlc.github.io/dlpack/latest/c_api.html). Names there begin with DL.

#include <cstdint>

namespace pycnn::dlpack {

enum DeviceType : std::int32_t { kCpu = 1, kCuda = 2, kCudaManaged = 13 };
enum TypeCode : std::uint8_t { kInt = 0, kUint = 1, kFloat = 2 };

struct Device {
  std::int32_t type;
  std::int32_t id;
};

struct DataType {
  std::uint8_t code;
  std::uint8_t bits;
  std::uint16_t lanes;
};

struct Array {
  void* data;
  Device device;
  std::int32_t ndim;
  DataType dtype;
  std::int64_t* shape;
  std::int64_t* strides;  // in elements; null: row-major
  std::uint64_t byte_offset;
};

struct Version {
  std::uint32_t major;
  std::uint32_t minor;
};

inline constexpr Version kVersion{1, 0};
inline constexpr std::uint64_t kReadOnly = 1, kIsCopied = 2;  // bits of the flags

// An array whose memory its owner gives back when the consumer calls `deleter`, which may be null.
struct Managed {
  Array array;
  void* context;
  void (*deleter)(Managed*);

  static constexpr const char* kName = "dltensor";  // of a capsule that nobody has taken yet
  static constexpr const char* kUsedName = "used_dltensor";
};

struct ManagedVersioned {
  Version version;
  void* context;
  void (*deleter)(ManagedVersioned*);
  std::uint64_t flags;
  Array array;

  static constexpr const char* kName = "dltensor_versioned";
  static constexpr const char* kUsedName = "used_dltensor_versioned";
};

static_assert(sizeof(void*) != 8 ||
              (sizeof(Array) == 48 && sizeof(Managed) == 64 && sizeof(ManagedVersioned) == 80));

}  // namespace pycnn::dlpack
