/*
 * Finds out whether a disk or partition belongs to an MD array, an LVM volume group or a Windows dynamic disk, and puts
 * them together. Looking costs a few reads; the tools cost a second of an emulated processor, so they run only if needed.
 */
#ifndef GUEST_STORAGE_H
#define GUEST_STORAGE_H

#include "sys.h"

static const u8 MD_MAGIC[4] = {0xfc, 0x4e, 0x2b, 0xa9};
static const u8 DDF_MAGIC[4] = {0xde, 0x11, 0xde, 0x11};
/* GPT types of LDM's metadata and data partitions, in the order in which they are on the disk. */
static const u8 LDM_METADATA[16] = {0xaa, 0xc8, 0x08, 0x58, 0x8f, 0x7e, 0xe0, 0x42, 0x85, 0xd2, 0xe1, 0xe9, 0x04, 0x34, 0xcf, 0xb3};
static const u8 LDM_DATA[16] = {0xa0, 0x60, 0x9b, 0xaf, 0x31, 0x14, 0x62, 0x4f, 0xbc, 0x68, 0x33, 0x11, 0x71, 0x4a, 0x69, 0xad};

static u8 head[32768];

static int read_at(int fd, u8 *to, u64 size, u64 offset) { return sys(NR_pread64, fd, (s64)to, (s64)size, (s64)offset, 0) == (s64)size; }

static int found_at(int fd, u64 offset, const void *magic, u64 size) {
  u8 there[32];
  return read_at(fd, there, size, offset) && equal(there, magic, size);
}

/* Metadata at the beginning: MD 1.1 and 1.2, an LVM label in the first four sectors, dynamic disks in either table. */
static int head_is_member(u64 size) {
  if (size >= 4100 && (equal(head, MD_MAGIC, 4) || equal(head + 4096, MD_MAGIC, 4))) return 1;
  for (u64 at = 0; at + 8 <= size && at < 4 * 512; at += 512) if (equal(head + at, "LABELONE", 8)) return 1;
  if (size >= 512 && head[510] == 0x55 && head[511] == 0xaa)
    for (int i = 0; i < 4; i++) if (head[446 + 16 * i + 4] == 0x42) return 1;
  for (u64 at = 1024; at + 16 <= size; at += 128) if (equal(head + at, LDM_METADATA, 16) || equal(head + at, LDM_DATA, 16)) return 1;
  return 0;
}

/* Metadata near the end: MD 0.90 and 1.0, DDF, Intel's. */
static int tail_is_member(int fd, u64 size) {
  if (size < 131072) return 0;
  return found_at(fd, (size & ~65535UL) - 65536, MD_MAGIC, 4) || found_at(fd, ((size / 512 - 16) & ~7UL) * 512, MD_MAGIC, 4) ||
         found_at(fd, size - 512, DDF_MAGIC, 4) || found_at(fd, size - 1024, "Intel Raid ISM Cfg Sig. ", 24);
}

static void look_at_device(const char *name, void *found) {
  if (!starts(name, "sd") || *(int *)found) return;
  TEXT(path, 64);
  put(&path, "/dev/");
  put(&path, name);
  int fd = open_file(path.at, O_RDONLY);
  if (fd < 0) return;
  u64 size = 0;
  sys(NR_ioctl, fd, 0x80081272 /* BLKGETSIZE64 */, (s64)&size, 0, 0);
  s64 n = sys(NR_pread64, fd, (s64)head, sizeof head, 0, 0);
  if ((n > 0 && head_is_member((u64)n)) || tail_is_member(fd, size)) *(int *)found = 1;
  close_file(fd);
}

/* Whether any of the user's disks or their partitions is a part of something larger. */
static int storage_members(void) {
  int found = 0;
  each_name("/sys/class/block", look_at_device, &found);
  return found;
}

/* Whole arrays first, then volume groups, then arrays with a disk missing, then dynamic disks. */
static void assemble_storage(void) {
  RUN("mdadm", "-As", "--auto=yes", "--no-degraded");
  RUN("modprobe", "dm_mod");
  RUN("lvm", "pvscan", "--cache", "--activate", "ay");
  RUN("mdadm", "-As", "--auto=yes", "--run");
  RUN("ldmtool", "create", "all");
  RUN("udevadm", "settle", "--timeout=600");
}

#endif
