#include "inference/kernels/simd_avx512.hpp"

// The vector comes first: the next header is written in its terms.
#include "inference/kernels/attention_simd.hpp"

namespace mnema {

extern const AttentionKernels kAttentionAvx512;
const AttentionKernels kAttentionAvx512 = kSimdAttention;

}  // namespace mnema
