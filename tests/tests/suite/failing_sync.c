/* Stands in front of `fsync`: fails it for some files, as a disk does that has lost what it took.
 *
 * FAIL_PATH: of files whose path has this in it, or ends with it where a `$` stands behind it. FAIL_TIMES: so many times;
 * what was written to them before is cut away then, since it may be lost. FAIL_ERRNO: with this error. FAIL_BEHIND: but
 * not the first so many times. FAIL_THEN: behind each of those, the next sync of such a file fails, too. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_int seen, then;

static int is(const char *path, const char *wanted) {
    size_t n = strlen(path), w = strlen(wanted);
    if (!w || wanted[w - 1] != '$') return w && strstr(path, wanted) != NULL;
    return n >= w - 1 && !strncmp(path + n - (w - 1), wanted, w - 1);
}

int fsync(int file) {
    static int (*real)(int);
    char link[64], path[4096];
    const char *part = getenv("FAIL_PATH"), *times = getenv("FAIL_TIMES"), *error = getenv("FAIL_ERRNO");
    const char *behind = getenv("FAIL_BEHIND"), *next = getenv("FAIL_THEN");
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0 || !part || !times || !error) return real(file);
    path[n] = 0;
    if (next && is(path, next) && atomic_exchange(&then, 0)) return errno = atoi(error), -1;
    if (!is(path, part)) return real(file);
    int count = atomic_fetch_add(&seen, 1) - (behind ? atoi(behind) : 0);
    if (count < 0 || count >= atoi(times)) return real(file);
    atomic_store(&then, 1);
    if (ftruncate(file, 0)) { /* A folder. */ }
    errno = atoi(error);
    return -1;
}
