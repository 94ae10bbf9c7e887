/*
 * What the guest programs need of Linux, without a C library: system calls for x86-64 and arm64, strings, and running
 * commands. No header of the host is included, so that a bare compiler builds it.
 */
#ifndef GUEST_SYS_H
#define GUEST_SYS_H

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;
typedef long s64;

struct timespec { s64 tv_sec; s64 tv_nsec; };

#if defined(__x86_64__)
enum {
  NR_read = 0, NR_write = 1, NR_close = 3, NR_ioctl = 16, NR_pread64 = 17, NR_nanosleep = 35, NR_socket = 41,
  NR_clone = 56, NR_execve = 59, NR_exit = 60, NR_wait4 = 61, NR_chdir = 80, NR_setsid = 112, NR_chroot = 161,
  NR_sync = 162, NR_mount = 165, NR_umount2 = 166, NR_reboot = 169, NR_getdents64 = 217, NR_clock_settime = 227, NR_clock_gettime = 228,
  NR_openat = 257, NR_mkdirat = 258, NR_mknodat = 259, NR_unlinkat = 263, NR_symlinkat = 266, NR_fchmodat = 268,
  NR_faccessat = 269, NR_dup3 = 292, NR_finit_module = 313, NR_getrandom = 318,
};
enum { O_DIRECTORY = 0200000 };
static s64 sys(s64 n, s64 a, s64 b, s64 c, s64 d, s64 e) {
  s64 result;
  register s64 r10 __asm__("r10") = d;
  register s64 r8 __asm__("r8") = e;
  __asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
  return result;
}
__asm__(".globl _start\n_start:\n xor %ebp,%ebp\n mov %rsp,%rdi\n and $-16,%rsp\n call start\n");
#elif defined(__aarch64__)
enum {
  NR_dup3 = 24, NR_ioctl = 29, NR_mknodat = 33, NR_mkdirat = 34, NR_unlinkat = 35, NR_symlinkat = 36, NR_umount2 = 39, NR_mount = 40,
  NR_faccessat = 48, NR_chdir = 49, NR_chroot = 51, NR_fchmodat = 53, NR_openat = 56, NR_close = 57, NR_getdents64 = 61,
  NR_read = 63, NR_write = 64, NR_pread64 = 67, NR_sync = 81, NR_exit = 93, NR_nanosleep = 101, NR_clock_settime = 112,
  NR_clock_gettime = 113, NR_reboot = 142, NR_setsid = 157, NR_socket = 198, NR_clone = 220, NR_execve = 221,
  NR_wait4 = 260, NR_finit_module = 273, NR_getrandom = 278,
};
enum { O_DIRECTORY = 040000 };
static s64 sys(s64 n, s64 a, s64 b, s64 c, s64 d, s64 e) {
  register s64 x8 __asm__("x8") = n;
  register s64 x0 __asm__("x0") = a;
  register s64 x1 __asm__("x1") = b;
  register s64 x2 __asm__("x2") = c;
  register s64 x3 __asm__("x3") = d;
  register s64 x4 __asm__("x4") = e;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
  return x0;
}
__asm__(".globl _start\n_start:\n mov x29,#0\n mov x30,#0\n mov x0,sp\n and sp,x0,#-16\n bl start\n");
#else
#error "only x86-64 and arm64"
#endif

/* Called by the entry point with the stack as the kernel left it: argc, argv, NULL, environment, NULL. */
__attribute__((noreturn, used)) static void start(s64 *stack);

enum { AT_FDCWD = -100, O_RDONLY = 0, O_WRONLY = 1, O_RDWR = 2, O_CREAT = 0100, O_NOCTTY = 0400, O_TRUNC = 01000, O_CLOEXEC = 02000000 };
enum { EINTR = 4, EEXIST = 17 };

/* The compiler may call these two for assignments. */
__attribute__((used)) void *memset(void *to, int value, u64 size) {
  u8 *t = to;
  while (size--) *t++ = (u8)value;
  return to;
}
__attribute__((used)) void *memcpy(void *to, const void *from, u64 size) {
  u8 *t = to;
  const u8 *f = from;
  while (size--) *t++ = *f++;
  return to;
}

static u64 length(const char *s) {
  u64 n = 0;
  while (s[n]) n++;
  return n;
}
static int equal(const void *a, const void *b, u64 size) {
  const u8 *x = a, *y = b;
  while (size--) if (*x++ != *y++) return 0;
  return 1;
}
static int starts(const char *s, const char *prefix) {
  while (*prefix) if (*s++ != *prefix++) return 0;
  return 1;
}
static const char *find(const char *s, const char *part) {
  for (; *s; s++) if (starts(s, part)) return s;
  return 0;
}

/* Text put together in a fixed place; what does not fit is cut off, and the text always ends with a NUL. */
struct text { char *at; u64 size, used; };
static void put(struct text *t, const char *s) {
  while (*s && t->used + 1 < t->size) t->at[t->used++] = *s++;
  t->at[t->used] = 0;
}
static void put_number(struct text *t, s64 n) {
  char digits[24];
  int i = sizeof digits;
  u64 rest = n < 0 ? -(u64)n : (u64)n;
  digits[--i] = 0;
  do digits[--i] = (char)('0' + rest % 10); while (rest /= 10);
  if (n < 0) digits[--i] = '-';
  put(t, digits + i);
}
#define TEXT(name, room) char name##_room[room]; struct text name = {name##_room, room, 0}; name##_room[0] = 0

/* Reads a decimal number and moves past it; -1 when there is none or it is too large. */
static s64 number(const char **s) {
  s64 n = 0;
  if (**s < '0' || **s > '9') return -1;
  while (**s >= '0' && **s <= '9') {
    if (n > 0xffffffffffffL) return -1;
    n = n * 10 + (*(*s)++ - '0');
  }
  return n;
}

static int open_file(const char *path, int flags) { return (int)sys(NR_openat, AT_FDCWD, (s64)path, flags | O_CLOEXEC, 0644, 0); }
static void close_file(int fd) { sys(NR_close, fd, 0, 0, 0, 0); }
static int exists(const char *path) { return sys(NR_faccessat, AT_FDCWD, (s64)path, 0, 0, 0) == 0; }
static s64 make_folder(const char *path, u32 mode) { return sys(NR_mkdirat, AT_FDCWD, (s64)path, mode, 0, 0); }
static void make_link(const char *target, const char *path) { sys(NR_symlinkat, (s64)target, AT_FDCWD, (s64)path, 0, 0); }
static s64 write_all(int fd, const char *bytes, u64 size) {
  while (size) {
    s64 n = sys(NR_write, fd, (s64)bytes, (s64)size, 0, 0);
    if (n == -EINTR) continue;
    if (n <= 0) return n < 0 ? n : -5;
    bytes += n;
    size -= (u64)n;
  }
  return 0;
}
/* Writes a small file anew; the negative errno on failure. */
static s64 write_file(const char *path, const char *content, int create) {
  int fd = open_file(path, O_WRONLY | (create ? O_CREAT | O_TRUNC : 0));
  if (fd < 0) return fd;
  s64 result = write_all(fd, content, length(content));
  close_file(fd);
  return result;
}
/* Reads a small file as text; its length, or the negative errno. */
static s64 read_file(const char *path, char *to, u64 room) {
  int fd = open_file(path, O_RDONLY);
  if (fd < 0) return fd;
  u64 used = 0;
  s64 n;
  while (used + 1 < room && (n = sys(NR_read, fd, (s64)(to + used), (s64)(room - 1 - used), 0, 0)) > 0) used += (u64)n;
  close_file(fd);
  to[used] = 0;
  return (s64)used;
}

/*
 * The kernel makes its boot id when it is first asked for it, and never again: in a machine that becomes a template nobody
 * may ask, so a file lies over it, which the helper takes away from each machine that is started from the template.
 */
static const char BOOT_ID[] = "/proc/sys/kernel/random/boot_id";

static s64 microseconds(void) {
  struct timespec t = {0, 0};
  sys(NR_clock_gettime, 1, (s64)&t, 0, 0, 0);
  return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}
static void pause_for(s64 us) {
  struct timespec t = {us / 1000000, us % 1000000 * 1000};
  sys(NR_nanosleep, (s64)&t, 0, 0, 0, 0);
}

/* Gives this machine an /etc/machine-id of its own. */
static s64 new_machine_id(void) {
  u8 id[16];
  char text[34];
  if (sys(NR_getrandom, (s64)id, sizeof id, 0, 0, 0) != sizeof id) return -5;
  for (int i = 0; i < 32; i++) text[i] = "0123456789abcdef"[id[i / 2] >> (i % 2 ? 0 : 4) & 15];
  text[32] = '\n';
  text[33] = 0;
  return write_file("/etc/machine-id", text, 1);
}

struct entry { u64 inode; s64 offset; unsigned short size; u8 type; char name[]; };
/* Calls `visit` for each name in a folder, but not for those that begin with a dot. */
static void each_name(const char *folder, void (*visit)(const char *name, void *data), void *data) {
  int fd = open_file(folder, O_RDONLY | O_DIRECTORY);
  if (fd < 0) return;
  __attribute__((aligned(8))) char room[2048];
  s64 n;
  while ((n = sys(NR_getdents64, fd, (s64)room, sizeof room, 0, 0)) > 0)
    for (s64 at = 0; at < n; at += ((struct entry *)(room + at))->size) {
      const char *name = ((struct entry *)(room + at))->name;
      if (name[0] != '.') visit(name, data);
    }
  close_file(fd);
}

static const char *environment[32];
static const char *const command_folders[] = {"/sbin/", "/usr/sbin/", "/bin/", "/usr/bin/"};

/* Runs a command, a path or a name in the usual folders, and waits for it; its wait status, or -1 without a process. */
static int run(const char *const *argv) {
  s64 pid = sys(NR_clone, 17 /* SIGCHLD */, 0, 0, 0, 0);
  if (pid < 0) return -1;
  if (pid == 0) {
    if (argv[0][0] == '/') sys(NR_execve, (s64)argv[0], (s64)argv, (s64)environment, 0, 0);
    else
      for (u32 i = 0; i < sizeof command_folders / sizeof *command_folders; i++) {
        TEXT(path, 128);
        put(&path, command_folders[i]);
        put(&path, argv[0]);
        sys(NR_execve, (s64)path.at, (s64)argv, (s64)environment, 0, 0);
      }
    sys(NR_exit, 127, 0, 0, 0, 0);
  }
  int status = -1;
  for (;;) {
    s64 ended = sys(NR_wait4, -1, (s64)&status, 0, 0, 0);
    if (ended == pid) return status;
    if (ended < 0 && ended != -EINTR) return -1;
  }
}
#define RUN(...) run((const char *const[]){__VA_ARGS__, 0})

#endif
