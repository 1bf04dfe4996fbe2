#include "inference/kernels/simd_avx512.hpp"

// The vector comes first: the next header is written in its terms.
#include "inference/kernels/encoder_kernels_simd.hpp"

namespace mnema {

extern const EncoderKernels kEncoderAvx512;
const EncoderKernels kEncoderAvx512 = kSimdEncoder;

}  // namespace mnema
