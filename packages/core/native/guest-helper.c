/*
 * Stays in the appliance that a template is made of, and gets a machine started from it ready: it listens on the
 * virtio-serial port given as its argument. The host writes one line,
 *
 *   wake SECONDS NANOSECONDS SEED DISKS
 *
 * (the time, 128 hex digits of entropy, the number of disks) and reads `seeded CLOCK-uS` when time, random generator and
 * ids are the machine's own, then `ready SCAN-uS UDEV-uS STORAGE-uS` when all disks are there and udev has seen them.
 * A step that fails ends the answer with `failed STEP ERRNO`. With `rehearse` in place of `wake` the ids stay as they are,
 * for the machine that becomes the template.
 */
#include "disks.h"
#include "storage.h"

enum { SEED_BYTES = 64 };

struct wake { int rehearsal; struct timespec time; u8 seed[SEED_BYTES]; s64 disks; };

static int hex_digit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

static int parse_wake(const char *line, struct wake *w) {
  w->rehearsal = starts(line, "rehearse ");
  if (!w->rehearsal && !starts(line, "wake ")) return 0;
  line += w->rehearsal ? 9 : 5;
  if ((w->time.tv_sec = number(&line)) < 0 || *line++ != ' ') return 0;
  if ((w->time.tv_nsec = number(&line)) < 0 || w->time.tv_nsec > 999999999 || *line++ != ' ') return 0;
  for (int i = 0; i < SEED_BYTES; i++, line += 2) {
    int high = hex_digit(line[0]), low = high < 0 ? -1 : hex_digit(line[1]);
    if (low < 0) return 0;
    w->seed[i] = (u8)(high << 4 | low);
  }
  if (*line++ != ' ') return 0;
  return (w->disks = number(&line)) >= 0 && w->disks <= MOST_DISKS && *line == 0;
}

/* Machines from one template share the generator's state: without this they would make the same UUIDs and keys. */
static s64 reseed(const u8 *seed) {
  struct { int bits, size; u8 bytes[SEED_BYTES]; } entropy = {SEED_BYTES * 8, SEED_BYTES, {0}};
  memcpy(entropy.bytes, seed, SEED_BYTES);
  int fd = open_file("/dev/urandom", O_RDWR);
  if (fd < 0) return fd;
  s64 result = sys(NR_ioctl, fd, 0x40085203 /* RNDADDENTROPY */, (s64)&entropy, 0, 0);
  if (result >= 0) result = sys(NR_ioctl, fd, 0x5207 /* RNDRESEEDCRNG */, 0, 0, 0);
  close_file(fd);
  return result < 0 ? result : 0;
}

/* Once in the life of a machine. */
static s64 new_ids(void) {
  static int done;
  if (done) return 0;
  s64 result = new_machine_id();
  if (result >= 0) result = sys(NR_umount2, (s64)BOOT_ID, 2 /* MNT_DETACH */, 0, 0, 0);
  if (result >= 0) done = 1;
  return result;
}

static void failed(struct text *answer, const char *step, s64 error) {
  put(answer, "failed ");
  put(answer, step);
  put(answer, " ");
  put_number(answer, -error);
  put(answer, "\n");
}

static void wake_up(int port, const struct wake *w) {
  TEXT(seeded, 96);
  s64 began = microseconds(), error;
  if ((error = sys(NR_clock_settime, 0, (s64)&w->time, 0, 0, 0)) < 0) failed(&seeded, "clock", error);
  else if ((error = reseed(w->seed)) < 0) failed(&seeded, "seed", error);
  else if (!w->rehearsal && (error = new_ids()) < 0) failed(&seeded, "ids", error);
  else {
    put(&seeded, "seeded ");
    put_number(&seeded, microseconds() - began);
    put(&seeded, "\n");
  }
  write_all(port, seeded.at, seeded.used);
  if (error < 0) return;

  TEXT(ready, 128);
  s64 scanned, known;
  began = microseconds();
  error = scan_disks(w->disks);
  if (error < 0) {
    failed(&ready, "scan", error);
    write_all(port, ready.at, ready.used);
    return;
  }
  scanned = microseconds();
  if (w->disks > 0) wait_for_udev(w->disks);
  known = microseconds();
  if (w->disks > 0 && storage_members()) {
    RUN("udevadm", "settle", "--timeout=600");
    assemble_storage();
  }
  put(&ready, "ready ");
  put_number(&ready, scanned - began);
  put(&ready, " ");
  put_number(&ready, known - scanned);
  put(&ready, " ");
  put_number(&ready, microseconds() - known);
  put(&ready, "\n");
  write_all(port, ready.at, ready.used);
}

static void serve(const char *path) {
  static char line[512];
  u64 used = 0;
  s64 nap = 1000;
  int port = open_file(path, O_RDWR);
  if (port < 0) sys(NR_exit, 1, 0, 0, 0, 0);
  for (;;) {
    char room[256];
    s64 n = sys(NR_read, port, (s64)room, sizeof room, 0, 0);
    if (n <= 0) {
      /* Nobody is at the host's end: asked less and less often, to leave the processor to the daemon. */
      pause_for(nap);
      if (nap < 500000) nap *= 2;
      continue;
    }
    nap = 1000;
    for (s64 i = 0; i < n; i++) {
      if (room[i] != '\n') {
        if (used + 1 < sizeof line) line[used++] = room[i];
        continue;
      }
      line[used] = 0;
      used = 0;
      struct wake w;
      if (parse_wake(line, &w)) wake_up(port, &w);
      else write_all(port, "failed line 22\n", 15);
    }
  }
}

static void start(s64 *stack) {
  const char **argv = (const char **)(stack + 1);
  if (stack[0] != 2) sys(NR_exit, 2, 0, 0, 0, 0);
  environment[0] = "PATH=/sbin:/usr/sbin:/bin:/usr/bin";
  environment[1] = "LVM_SYSTEM_DIR=/tmp/lvm";
  environment[2] = "LC_ALL=C";
  /* The command that starts it is done when the first process ends; the second goes on by itself. */
  if (sys(NR_clone, 17 /* SIGCHLD */, 0, 0, 0, 0) != 0) sys(NR_exit, 0, 0, 0, 0, 0);
  sys(NR_setsid, 0, 0, 0, 0, 0);
  sys(NR_chdir, (s64) "/", 0, 0, 0, 0);
  int null = (int)sys(NR_openat, AT_FDCWD, (s64) "/dev/null", O_RDWR, 0, 0);
  for (int fd = 0; fd < 3; fd++) if (null != fd) sys(NR_dup3, null, fd, 0, 0, 0);
  serve(argv[1]);
  sys(NR_exit, 0, 0, 0, 0, 0);
  __builtin_unreachable();
}
