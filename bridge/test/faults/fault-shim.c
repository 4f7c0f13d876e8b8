/*
 * Preloaded into the bridge by the tests: makes calls on files below a folder fail. The faults stand in a file that is
 * read again at each call, a line each: <call> <errno name> <percent>, such as "fdatasync EIO 20"; a call is write,
 * fdatasync (also fsync), open (for writing) or change (of names and lengths).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int number_of(const char *name) {
  if (!strcmp(name, "EIO")) return EIO;
  if (!strcmp(name, "ENOSPC")) return ENOSPC;
  if (!strcmp(name, "EROFS")) return EROFS;
  if (!strcmp(name, "EMFILE")) return EMFILE;
  return EIO;
}

/* The error that this call is to have; 0: none. */
static int fault(const char *call) {
  static FILE *(*real_fopen)(const char *, const char *);
  if (!real_fopen) real_fopen = dlsym(RTLD_NEXT, "fopen");
  const char *control = getenv("FAULT_CONTROL");
  FILE *file = control ? real_fopen(control, "r") : NULL;
  if (!file) return 0;
  char name[32], code[32];
  int percent, found = 0;
  while (fscanf(file, "%31s %31s %d", name, code, &percent) == 3)
    if (!strcmp(name, call) && rand() % 100 < percent) found = number_of(code);
  fclose(file);
  return found;
}

static int is_below(const char *path) {
  const char *prefix = getenv("FAULT_PREFIX");
  return prefix && !strncmp(path, prefix, strlen(prefix));
}

static int is_ours(int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return is_below(path);
}

#define FAIL_IF(condition, call)            \
  do {                                      \
    int code = (condition) ? fault(call) : 0; \
    if (code) {                             \
      errno = code;                         \
      return -1;                            \
    }                                       \
  } while (0)

ssize_t write(int fd, const void *bytes, size_t count) {
  static ssize_t (*real)(int, const void *, size_t);
  if (!real) real = dlsym(RTLD_NEXT, "write");
  FAIL_IF(is_ours(fd), "write");
  return real(fd, bytes, count);
}

/* Of a synchronous descriptor a write is a write and an fdatasync: when that fails, the bytes may be anywhere. */
static int syncs_writes(int fd) {
  int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && (flags & O_DSYNC) && is_ours(fd);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
  static ssize_t (*real)(int, const void *, size_t, off_t);
  if (!real) real = dlsym(RTLD_NEXT, "pwrite");
  FAIL_IF(is_ours(fd), "write");
  ssize_t written = real(fd, bytes, count, offset);
  if (written >= 0) FAIL_IF(syncs_writes(fd), "fdatasync");
  return written;
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
  static ssize_t (*real)(int, const void *, size_t, off64_t);
  if (!real) real = dlsym(RTLD_NEXT, "pwrite64");
  FAIL_IF(is_ours(fd), "write");
  ssize_t written = real(fd, bytes, count, offset);
  if (written >= 0) FAIL_IF(syncs_writes(fd), "fdatasync");
  return written;
}

int fdatasync(int fd) {
  static int (*real)(int);
  if (!real) real = dlsym(RTLD_NEXT, "fdatasync");
  FAIL_IF(is_ours(fd), "fdatasync");
  return real(fd);
}

int fsync(int fd) {
  static int (*real)(int);
  if (!real) real = dlsym(RTLD_NEXT, "fsync");
  FAIL_IF(is_ours(fd), "fdatasync");
  return real(fd);
}

int rename(const char *from, const char *to) {
  static int (*real)(const char *, const char *);
  if (!real) real = dlsym(RTLD_NEXT, "rename");
  FAIL_IF(is_below(from), "change");
  return real(from, to);
}

int unlink(const char *path) {
  static int (*real)(const char *);
  if (!real) real = dlsym(RTLD_NEXT, "unlink");
  FAIL_IF(is_below(path), "change");
  return real(path);
}

int ftruncate64(int fd, off64_t length) {
  static int (*real)(int, off64_t);
  if (!real) real = dlsym(RTLD_NEXT, "ftruncate64");
  FAIL_IF(is_ours(fd), "change");
  return real(fd, length);
}

#define OPEN(name)                                                  \
  int name(const char *path, int flags, ...) {                      \
    static int (*real)(const char *, int, ...);                     \
    if (!real) real = dlsym(RTLD_NEXT, #name);                      \
    va_list rest;                                                   \
    va_start(rest, flags);                                          \
    int mode = flags & O_CREAT ? va_arg(rest, int) : 0;             \
    va_end(rest);                                                   \
    FAIL_IF((flags & (O_WRONLY | O_RDWR)) && is_below(path), "open"); \
    return real(path, flags, mode);                                 \
  }
OPEN(open)
OPEN(open64)
