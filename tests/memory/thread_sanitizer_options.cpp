// Only under the thread sanitizer. A segment of hnswlib has a mutex for each of its thousands of nodes; the sanitizer's
// search for lock orders loses count of them, and reports orders of mutexes that are no more, without a stack that
// tests/tsan.supp could know them by. Races are looked for as everywhere.
#if defined(__SANITIZE_THREAD__)
extern "C" const char* __tsan_default_options() { return "detect_deadlocks=0"; }
#endif
