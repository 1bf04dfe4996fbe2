#include "inference/kernels/simd_avx2.hpp"

// The vector comes first: the next header is written in its terms.
#include "inference/kernels/attention_simd.hpp"

namespace mnema {

extern const AttentionKernels kAttentionAvx2;
const AttentionKernels kAttentionAvx2 = kSimdAttention;

}  // namespace mnema
