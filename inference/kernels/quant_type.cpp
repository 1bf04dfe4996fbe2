#include "inference/kernels/quant_type.hpp"

namespace mnema {

QuantTraits traits_of(QuantType type) {
  switch (type) {
    case QuantType::kF32:
      return {"F32", 1, 4};
    case QuantType::kF16:
      return {"F16", 1, 2};
    case QuantType::kBF16:
      return {"BF16", 1, 2};
    case QuantType::kQ4_0:
      return {"Q4_0", 32, 18};
    case QuantType::kQ4_1:
      return {"Q4_1", 32, 20};
    case QuantType::kQ5_0:
      return {"Q5_0", 32, 22};
    case QuantType::kQ5_1:
      return {"Q5_1", 32, 24};
    case QuantType::kQ8_0:
      return {"Q8_0", 32, 34};
    case QuantType::kQ2_K:
      return {"Q2_K", 256, 84};
    case QuantType::kQ3_K:
      return {"Q3_K", 256, 110};
    case QuantType::kQ4_K:
      return {"Q4_K", 256, 144};
    case QuantType::kQ5_K:
      return {"Q5_K", 256, 176};
    case QuantType::kQ6_K:
      return {"Q6_K", 256, 210};
    case QuantType::kIQ4_NL:
      return {"IQ4_NL", 32, 18};
    case QuantType::kIQ4_XS:
      return {"IQ4_XS", 256, 136};
  }
  return {"unknown", 0, 0};
}

std::size_t row_bytes(QuantType type, std::size_t columns) {
  const QuantTraits traits = traits_of(type);
  if (traits.block_values == 0) return 0;
  return columns / static_cast<std::size_t>(traits.block_values) * static_cast<std::size_t>(traits.block_bytes);
}

}  // namespace mnema
