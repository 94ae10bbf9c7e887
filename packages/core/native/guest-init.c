/*
 * The first program of the appliance, in an initrd of its own: it loads the modules listed in /modules, mounts the
 * appliance's root from /dev/vda, does there what the daemon needs and no more, and starts the daemon. When it cannot, the
 * machine reboots, which ends qemu: the host then uses the initrd that came with the appliance.
 */
#include "disks.h"
#include "storage.h"

static char command_line[4096];

enum { MS_NOSUID = 2, MS_NOATIME = 1024, MS_BIND = 4096, MS_MOVE = 8192, S_IFCHR = 020000 };

static s64 mount_at(const char *source, const char *target, const char *type, u64 flags, const char *data) {
  return sys(NR_mount, (s64)source, (s64)target, (s64)type, (s64)flags, (s64)data);
}

static void restart(void) {
  sys(NR_sync, 0, 0, 0, 0, 0);
  for (;;) sys(NR_reboot, (s64)0xfee1dead, 672274793, 0x1234567, 0, 0);
}
static void give_up(const char *what, s64 error) {
  TEXT(line, 160);
  put(&line, "guest-init: ");
  put(&line, what);
  put(&line, ": error ");
  put_number(&line, -error);
  put(&line, "\n");
  write_all(2, line.at, line.used);
  restart();
}

static void open_console(void) {
  int console = (int)sys(NR_openat, AT_FDCWD, (s64) "/dev/console", O_RDWR | O_NOCTTY, 0, 0);
  if (console < 0) console = (int)sys(NR_openat, AT_FDCWD, (s64) "/dev/null", O_RDWR, 0, 0);
  for (int fd = 0; fd < 3; fd++) if (console != fd) sys(NR_dup3, console, fd, 0, 0, 0);
  if (console > 2) close_file(console);
}

/* Whether a word of the kernel's command line is a parameter of a module: hyphens and underscores are one there. */
static int is_parameter(const char *word, const char *module) {
  for (; *module && *module != '.'; word++, module++)
    if (*word != *module && !((*word == '-' || *word == '_') && (*module == '-' || *module == '_'))) return 0;
  return *word == '.';
}

/* The kernel gives `module.name=value` to modules that are built in; to others, whoever loads them does. */
static void put_parameters(struct text *to, const char *file) {
  for (const char *at = command_line; *at; at++) {
    int wanted = is_parameter(at, file);
    if (wanted) while (*at++ != '.');
    for (; *at && *at != ' ' && *at != '\n'; at++) {
      char one[2] = {*at, 0};
      if (wanted) put(to, one);
    }
    if (wanted) put(to, " ");
    if (!*at) return;
  }
}

/* A name in /modules that begins with `z:` is a compressed module, which the kernel unpacks itself. */
static void load_modules(void) {
  static char list[8192];
  if (read_file("/modules", list, sizeof list) < 0) return;
  for (char *at = list, *next; *at; at = next) {
    for (next = at; *next && *next != '\n'; next++);
    if (*next) *next++ = 0;
    int flags = starts(at, "z:") ? 4 /* MODULE_INIT_COMPRESSED_FILE */ : 0;
    const char *path = flags ? at + 2 : at;
    int fd = open_file(path, O_RDONLY);
    if (fd < 0) continue;
    TEXT(parameters, 256);
    put_parameters(&parameters, path + 1);
    sys(NR_finit_module, fd, (s64)parameters.at, flags, 0, 0);
    close_file(fd);
  }
}

static void mount_root(void) {
  s64 end = microseconds() + 20000000;
  while (!exists("/dev/vda")) {
    if (microseconds() > end) give_up("no root disk", -2);
    pause_for(500);
  }
  s64 error = mount_at("/dev/vda", "/root", "ext4", MS_NOATIME, 0);
  if (error < 0) error = mount_at("/dev/vda", "/root", "ext2", MS_NOATIME, 0);
  if (error < 0) give_up("mounting the root", error);
}

static void switch_root(void) {
  s64 error;
  mount_at("/proc", "/root/proc", 0, MS_MOVE, 0);
  mount_at("/sys", "/root/sys", 0, MS_MOVE, 0);
  mount_at("/dev", "/root/dev", 0, MS_MOVE, 0);
  if ((error = sys(NR_chdir, (s64) "/root", 0, 0, 0, 0)) < 0) give_up("entering the root", error);
  if ((error = mount_at(".", "/", 0, MS_MOVE, 0)) < 0) give_up("moving the root", error);
  if ((error = sys(NR_chroot, (s64) ".", 0, 0, 0, 0)) < 0) give_up("changing the root", error);
  sys(NR_chdir, (s64) "/", 0, 0, 0, 0);
}

static void real_folder(const char *path) {
  if (make_folder(path, 01777) == -EEXIST) {
    int fd = open_file(path, O_RDONLY | O_DIRECTORY);
    if (fd < 0) {
      sys(NR_unlinkat, AT_FDCWD, (s64)path, 0, 0, 0);
      make_folder(path, 01777);
    } else
      close_file(fd);
  }
  sys(NR_fchmodat, AT_FDCWD, (s64)path, 01777, 0, 0);
}

static void prepare_folders(void) {
  real_folder("/tmp");
  real_folder("/var/tmp");
  make_link("/proc/self/fd", "/dev/fd");
  make_link("/proc/self/fd/0", "/dev/stdin");
  make_link("/proc/self/fd/1", "/dev/stdout");
  make_link("/proc/self/fd/2", "/dev/stderr");
  make_folder("/dev/pts", 0755);
  make_folder("/dev/shm", 01777);
  mount_at("/dev/pts", "/dev/pts", "devpts", 0, 0);
  mount_at("shmfs", "/dev/shm", "tmpfs", 0, "mode=1777");
  make_folder("/sysroot", 0755);
  make_folder("/run", 0755);
  mount_at("tmpfs", "/run", "tmpfs", MS_NOSUID, "size=20%,mode=0755");
  make_folder("/run/lock", 01777);
  static const char *const folders[] = {"/run/lvm", "/run/lock/lvm", "/run/mdadm", "/run/mount", "/run/udev", "/run/cryptsetup", "/tmp/lvm"};
  for (u32 i = 0; i < sizeof folders / sizeof *folders; i++) make_folder(folders[i], i == 5 ? 0700 : 0755);
  make_link("../run/lock", "/var/lock");
  if (!exists("/etc/mtab")) make_link("/proc/mounts", "/etc/mtab");
  if (exists("/etc/crypto-policies/back-ends") && exists("/usr/share/crypto-policies/DEFAULT/opensslcnf.txt"))
    make_link("/usr/share/crypto-policies/DEFAULT/opensslcnf.txt", "/etc/crypto-policies/back-ends/opensslcnf.config");
  int devices_file = exists("/sbin/lvmdevices") || exists("/usr/sbin/lvmdevices") || exists("/sbin/vgimportdevices");
  write_file("/tmp/lvm/lvm.conf", devices_file ? "devices {\n\tuse_devicesfile = 0\n}\n" : "", 1);
  new_machine_id();
}

static void cover_boot_id(void) {
  char id[64];
  s64 error = read_file("/proc/sys/kernel/random/uuid", id, sizeof id);
  if (error >= 0) error = write_file("/run/boot-id", id, 1);
  if (error >= 0) error = mount_at("/run/boot-id", BOOT_ID, 0, MS_BIND, 0);
  if (error < 0) give_up("covering the boot id", error);
}

/* `modules.devname` has lines like `fuse fuse c10:229`: opening such a node loads the module. */
static void make_static_nodes(void) {
  static char list[16384];
  char release[80];
  TEXT(path, 160);
  s64 n = read_file("/proc/sys/kernel/osrelease", release, sizeof release);
  if (n <= 0) return;
  release[n - 1] = 0;
  put(&path, "/lib/modules/");
  put(&path, release);
  put(&path, "/modules.devname");
  if (read_file(path.at, list, sizeof list) <= 0) return;
  for (char *at = list, *next; *at; at = next) {
    for (next = at; *next && *next != '\n'; next++);
    if (*next) *next++ = 0;
    char *name = at;
    while (*name && *name != ' ') name++;
    if (at[0] == '#' || !*name) continue;
    char *kind = ++name;
    while (*kind && *kind != ' ') kind++;
    if (!*kind) continue;
    *kind++ = 0;
    const char *numbers = kind + 1;
    s64 major = number(&numbers), minor = *numbers++ == ':' ? number(&numbers) : -1;
    if (*kind != 'c' || major < 0 || minor < 0) continue;
    TEXT(node, 96);
    put(&node, "/dev/");
    for (char *c = name; *c; c++) {
      char one[2] = {*c, 0};
      if (*c == '/') make_folder(node.at, 0755);
      put(&node, one);
    }
    sys(NR_mknodat, AT_FDCWD, (s64)node.at, S_IFCHR | 0600, (minor & 0xff) | major << 8 | (minor & ~0xffL) << 12, 0);
  }
}

static void start_udev(void) {
  static const char *const daemons[] = {"/lib/systemd/systemd-udevd", "/usr/lib/systemd/systemd-udevd", "/sbin/udevd", "/lib/udev/udevd", "/usr/lib/udev/udevd"};
  u32 i = 0;
  while (i < sizeof daemons / sizeof *daemons && !exists(daemons[i])) i++;
  if (i == sizeof daemons / sizeof *daemons) give_up("no udev", -2);
  RUN(daemons[i], "--daemon");
  RUN("udevadm", "trigger", "--subsystem-match=block", "--subsystem-match=virtio-ports");
  RUN("udevadm", "settle", "--timeout=600");
}

static void bring_loopback_up(void) {
  struct { char name[16]; short flags; char rest[22]; } request = {"lo", 0, {0}};
  int s = (int)sys(NR_socket, 2 /* AF_INET */, 2 | O_CLOEXEC /* SOCK_DGRAM */, 0, 0, 0);
  if (s < 0) return;
  if (sys(NR_ioctl, s, 0x8913 /* SIOCGIFFLAGS */, (s64)&request, 0, 0) >= 0) {
    request.flags |= 1;
    sys(NR_ioctl, s, 0x8914 /* SIOCSIFFLAGS */, (s64)&request, 0, 0);
  }
  close_file(s);
}

static void inherit_environment(const char **from) {
  static const char *const ours[] = {"PATH=/sbin:/usr/sbin:/bin:/usr/bin", "RUNLEVEL=S", "PREVLEVEL=N", "LVM_SYSTEM_DIR=/tmp/lvm"};
  u32 used = 0;
  for (; used < sizeof ours / sizeof *ours; used++) environment[used] = ours[used];
  for (; *from && used + 1 < sizeof environment / sizeof *environment; from++)
    if (!starts(*from, "PATH=") && find(*from, "=")) environment[used++] = *from;
}

/* `guestfs_disks=N` is how many disks to bring up. */
static s64 bring_disks_up(void) {
  const char *named = find(command_line, "guestfs_disks=");
  if (!named) return 0;
  named += 14;
  s64 disks = number(&named), error = scan_disks(disks);
  if (error < 0) give_up("scanning the disks", error);
  return disks;
}

static void run_daemon(void) {
  static char channel[128];
  const char *argv[6] = {"guestfsd"};
  int n = 1;
  const char *named = find(command_line, "guestfs_channel=");
  if (named) {
    u64 size = 0;
    for (named += 16; named[size] && named[size] != ' ' && named[size] != '\n' && size + 1 < sizeof channel; size++) channel[size] = named[size];
    argv[n++] = "--channel";
    argv[n++] = channel;
  }
  if (find(command_line, "guestfs_verbose=1")) argv[n++] = "--verbose";
  run(argv);
}

static void start(s64 *stack) {
  make_folder("/proc", 0755);
  make_folder("/sys", 0755);
  make_folder("/dev", 0755);
  make_folder("/root", 0755);
  mount_at("proc", "/proc", "proc", 0, 0);
  mount_at("sysfs", "/sys", "sysfs", 0, 0);
  mount_at("devtmpfs", "/dev", "devtmpfs", 0, "mode=0755");
  open_console();
  /* The host takes this line as the sign that the kernel is up. */
  write_all(1, "guest-init: running\n", 20);
  read_file("/proc/cmdline", command_line, sizeof command_line);
  inherit_environment((const char **)(stack + 1) + stack[0] + 1);
  load_modules();
  s64 disks = bring_disks_up();
  mount_root();
  switch_root();
  prepare_folders();
  if (find(command_line, "guestfs_template=1")) cover_boot_id();
  make_static_nodes();
  start_udev();
  wait_for_udev(disks);
  bring_loopback_up();
  if (storage_members()) assemble_storage();
  run_daemon();
  restart();
  __builtin_unreachable();
}
