#include "memory/vector/graph_walk.hpp"

namespace mnema {

GraphWalk& GraphWalk::of_this_thread() {
  thread_local GraphWalk walk;
  return walk;
}

}  // namespace mnema
