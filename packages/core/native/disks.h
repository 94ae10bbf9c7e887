/*
 * Brings the user's disks up in their order: scanning is left to these programs (`scsi_mod.scan=manual`), because the
 * kernel's own asks 256 addresses and promises no order.
 */
#ifndef GUEST_DISKS_H
#define GUEST_DISKS_H

#include "sys.h"

enum { MOST_DISKS = 255, ENODEV = 19, ETIMEDOUT = 110, DISK_TIMEOUT = 60000000, EVENTS_TIMEOUT = 600000000 };

/* The disks' names (`sda`), in their order. */
static char disk_names[MOST_DISKS][16];

static void is_virtio_host(const char *name, void *number_out) {
  TEXT(path, 96);
  char driver[64];
  put(&path, "/sys/class/scsi_host/");
  put(&path, name);
  put(&path, "/proc_name");
  if (read_file(path.at, driver, sizeof driver) <= 0 || !starts(driver, "virtio") || !starts(name, "host")) return;
  const char *digits = name + 4;
  *(s64 *)number_out = number(&digits);
}

static void first_name(const char *name, void *to) {
  struct text t = {to, sizeof disk_names[0], 0};
  if (*(char *)to == 0) put(&t, name);
}

/* Remote images may be slow: the kernel waits five minutes for a disk. */
static void set_timeout(s64 host, s64 disk) {
  TEXT(path, 96);
  put(&path, "/sys/class/scsi_device/");
  put_number(&path, host);
  put(&path, ":0:");
  put_number(&path, disk);
  put(&path, ":0/device/timeout");
  write_file(path.at, "300", 0);
}

/* Waits for the disk's block device: they get their letters as they appear, so the next is scanned only after it. */
static s64 scan_disk(s64 host, s64 disk) {
  TEXT(scan, 96);
  TEXT(address, 32);
  TEXT(folder, 128);
  disk_names[disk][0] = 0;
  put(&scan, "/sys/class/scsi_host/host");
  put_number(&scan, host);
  put(&scan, "/scan");
  put(&address, "0 ");
  put_number(&address, disk);
  put(&address, " 0");
  s64 result = write_file(scan.at, address.at, 0);
  if (result < 0) return result;
  set_timeout(host, disk);
  put(&folder, "/sys/class/scsi_device/");
  put_number(&folder, host);
  put(&folder, ":0:");
  put_number(&folder, disk);
  put(&folder, ":0/device/block");
  for (s64 end = microseconds() + DISK_TIMEOUT; microseconds() < end; pause_for(500)) {
    each_name(folder.at, first_name, disk_names[disk]);
    if (disk_names[disk][0]) return 0;
  }
  return -ETIMEDOUT;
}

/* Brings up the first disks of the virtio SCSI host; 0, or the negative errno. */
static s64 scan_disks(s64 disks) {
  s64 host = -1, result = 0;
  if (disks <= 0) return 0;
  each_name("/sys/class/scsi_host", is_virtio_host, &host);
  if (host < 0) return -ENODEV;
  for (s64 i = 0; i < disks && i < MOST_DISKS && result >= 0; i++) result = scan_disk(host, i);
  return result;
}

/* Whether udev has written down what it knows of a block device: it does so for every disk, and before its queue empties. */
static void is_known(const char *name, void *unknown) {
  if (!starts(name, "sd")) return;
  TEXT(path, 128);
  TEXT(known, 64);
  char numbers[32];
  put(&path, "/sys/class/block/");
  put(&path, name);
  put(&path, "/dev");
  s64 n = read_file(path.at, numbers, sizeof numbers);
  if (n <= 0) {
    *(int *)unknown = 1;
    return;
  }
  numbers[n - 1] = 0;
  put(&known, "/run/udev/data/b");
  put(&known, numbers);
  if (!exists(known.at)) *(int *)unknown = 1;
}

/*
 * Waits until udev has handled the disks that were scanned and their partitions. A disk is asked for by name: the kernel
 * tells udev of it only after it has looked for partitions, so that udev may know nothing yet and have nothing to do.
 */
static void wait_for_udev(s64 disks) {
  for (s64 end = microseconds() + EVENTS_TIMEOUT; microseconds() < end; pause_for(2000)) {
    int unknown = 0;
    for (s64 i = 0; i < disks && i < MOST_DISKS && !unknown; i++) is_known(disk_names[i], &unknown);
    if (!unknown) each_name("/sys/class/block", is_known, &unknown);
    if (!unknown && !exists("/run/udev/queue")) return;
  }
}

#endif
