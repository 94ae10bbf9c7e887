/*
 * Brings the user's disks up in their order: scanning is left to these programs (`scsi_mod.scan=manual`), because the
 * kernel's own asks 256 addresses and promises no order.
 */
#ifndef GUEST_DISKS_H
#define GUEST_DISKS_H

#include "sys.h"

enum { MOST_DISKS = 254, ENODEV = 19, ETIMEDOUT = 110, DISK_TIMEOUT = 60000000 };

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

struct device { char folder[128]; char name[64]; };

static void first_name(const char *name, void *to) {
  struct text t = {to, 64, 0};
  if (*(char *)to == 0) put(&t, name);
}

/* Waits for the disk's block device: they get their letters as they appear, so the next is scanned only after it. */
static s64 scan_disk(s64 host, s64 disk, struct device *device) {
  TEXT(scan, 96);
  TEXT(address, 32);
  struct text folder = {device->folder, sizeof device->folder, 0};
  put(&scan, "/sys/class/scsi_host/host");
  put_number(&scan, host);
  put(&scan, "/scan");
  put(&address, "0 ");
  put_number(&address, disk);
  put(&address, " 0");
  s64 result = write_file(scan.at, address.at, 0);
  if (result < 0) return result;
  put(&folder, "/sys/class/scsi_device/");
  put_number(&folder, host);
  put(&folder, ":0:");
  put_number(&folder, disk);
  put(&folder, ":0/device/block");
  device->name[0] = 0;
  for (s64 end = microseconds() + DISK_TIMEOUT; microseconds() < end; pause_for(500)) {
    each_name(device->folder, first_name, device->name);
    if (device->name[0]) return 0;
  }
  return -ETIMEDOUT;
}

/* Brings up the first disks of the virtio SCSI host; 0, or the negative errno. */
static s64 scan_disks(s64 disks) {
  s64 host = -1, result = 0;
  if (disks <= 0) return 0;
  each_name("/sys/class/scsi_host", is_virtio_host, &host);
  if (host < 0) return -ENODEV;
  for (s64 i = 0; i < disks && result >= 0; i++) {
    struct device device;
    result = scan_disk(host, i, &device);
  }
  return result;
}

#endif
