/* Loaded before the collector's own libraries (LD_PRELOAD): moves its clock and lets the disk under its spool fail, as
 * the harness says through a shared page of memory. Touches nothing else. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Written by control.rs, field by field. */
struct control {
    _Atomic int64_t clock_seconds;
    _Atomic uint64_t disk; /* 0 well, 1 full, 2 writes fail, 3 syncs fail */
};

static struct control *control;
static const char *spool;

static __attribute__((constructor)) void begin(void) {
    const char *path = getenv("TORTURE_CONTROL");
    spool = getenv("TORTURE_SPOOL");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *page = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (page != MAP_FAILED) control = page;
}

static uint64_t disk(int fd) {
    uint64_t mode = control ? atomic_load(&control->disk) : 0;
    char link[64], target[4096];
    if (mode == 0 || !spool) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, target, sizeof target - 1);
    if (length < 0) return 0;
    target[length] = 0;
    return strncmp(target, spool, strlen(spool)) == 0 ? mode : 0;
}

static int refuse(int error) {
    errno = error;
    return -1;
}

int clock_gettime(clockid_t id, struct timespec *now) {
    int result = (int)syscall(SYS_clock_gettime, id, now);
    if (result == 0 && id == CLOCK_REALTIME && control) now->tv_sec += atomic_load(&control->clock_seconds);
    return result;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
    switch (disk(fd)) {
    case 1: /* room for half of it */
        if (length > 1) return syscall(SYS_pwrite64, fd, bytes, length / 2, at);
        return refuse(ENOSPC);
    case 2: return refuse(EIO);
    default: return syscall(SYS_pwrite64, fd, bytes, length, at);
    }
}

int fdatasync(int fd) {
    return disk(fd) == 3 ? refuse(EIO) : (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd) {
    return disk(fd) == 3 ? refuse(EIO) : (int)syscall(SYS_fsync, fd);
}
