/* Stands in front of `fsync`: fails it for some files, as a disk does that has lost what it took.
 *
 * FAIL_PATH: of files whose path has this in it. FAIL_TIMES: so many times; what was written to them before is cut
 * away then, since it may be lost. FAIL_ERRNO: with this error. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_int failed;

int fsync(int file) {
    static int (*real)(int);
    char link[64], path[4096];
    const char *part = getenv("FAIL_PATH"), *times = getenv("FAIL_TIMES"), *error = getenv("FAIL_ERRNO");
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0 || !part || !times || !error) return real(file);
    path[n] = 0;
    if (!strstr(path, part) || atomic_fetch_add(&failed, 1) >= atoi(times)) return real(file);
    if (ftruncate(file, 0)) { /* A folder. */ }
    errno = atoi(error);
    return -1;
}
