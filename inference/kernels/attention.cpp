#include "inference/kernels/attention.hpp"

#include "inference/kernels/matmul.hpp"

namespace mnema {

extern const AttentionKernels kAttentionScalar;
extern const AttentionKernels kAttentionAvx2;
extern const AttentionKernels kAttentionAvx512;

const AttentionKernels& attention_kernels(InstructionSet isa) {
  switch (isa) {
    case InstructionSet::kScalar:
      return kAttentionScalar;
    case InstructionSet::kAvx2:
      return kAttentionAvx2;
    case InstructionSet::kAvx512:
      return kAttentionAvx512;
  }
  return kAttentionScalar;
}

}  // namespace mnema
