# Boot one host, and again whenever it reboots. Runs inside the bed's namespaces.
# Usage: boot.sh NAME DISK IMAGE        DISK: the host's directory on the bed's own file system
set -eu
if [ "$1" != init ]; then
    name=$1 disk=$2 image=$3
    while :; do
        code=0
        nsenter --net="$disk/net" unshare --mount --pid --fork --kill-child=KILL --uts --ipc --cgroup \
            sh "$0" init "$name" "$disk" "$image" || code=$?
        # reboot(2) ends the init of a pid namespace by SIGHUP; everything else is a power-off.
        [ "$code" = 129 ] || exit 0
    done
fi

name=$2 disk=$3 image=$4 root=$3/root
mkdir -p "$root"
# An overlay that was mounted as volatile refuses its old work directory after a power loss.
rm -rf "$disk/work"
mkdir "$disk/work"
mount --make-rprivate /
mount -t overlay -o "lowerdir=$image,upperdir=$disk/upper,workdir=$disk/work,volatile" overlay "$root"
mount --bind "$disk/srv" "$root/srv"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys"
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755,nosuid dev "$root/dev"
for node in null zero full random urandom tty; do
    : >"$root/dev/$node"
    mount --bind "/dev/$node" "$root/dev/$node"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777,nosuid,nodev shm "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"
mount -t tmpfs -o mode=755,nosuid,nodev run "$root/run"
hostname "$name"
# Each boot has an id of its own, by which a reboot is known.
cat /proc/sys/kernel/random/uuid >"$root/run/boot_id"
mount --bind "$root/run/boot_id" "$root/proc/sys/kernel/random/boot_id"
cd "$root"
mkdir -p .old
pivot_root . .old
umount -l .old
rmdir .old
exec env -i container=bed PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=linux /lib/systemd/systemd --system
