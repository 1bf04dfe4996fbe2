#include "inference/kernels/simd_avx2.hpp"

// The vector comes first: the next header is written in its terms.
#include "inference/kernels/encoder_kernels_simd.hpp"

namespace mnema {

extern const EncoderKernels kEncoderAvx2;
const EncoderKernels kEncoderAvx2 = kSimdEncoder;

}  // namespace mnema
