/**
 * From a ContainerSpec to runc's `config.json` (OCI runtime specification 1.0).
 *
 * The same spec gives the same file on both VMs, which is what CRIU needs: mount points, namespaces and cgroup
 * path must be alike. The network namespace is named by path, so that CRIU takes it as external and restores
 * into the one that was prepared. The annotation `org.criu.config` gives each container CRIU settings of its own.
 * /sys/firmware is masked by an empty folder from outside, not by runc's tmpfs: CRIU dumps each tmpfs with tar and
 * gzip.
 * A container's stdin, stdout and stderr are /dev/null: a pipe to somebody outside could not move with it.
 */
import type { ContainerSpec } from '../rpc/index.js';

export interface BundlePaths {
  /** Folder that runc takes as the container's root. */
  readonly rootfs: string;
  readonly criuConfig: string;
  readonly networkNamespace: string;
  /** A folder that is empty and stays so. */
  readonly emptyFolder: string;
}

const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const capabilities = [
  'AUDIT_WRITE', 'CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'MKNOD', 'NET_BIND_SERVICE', 'NET_RAW',
  'SETFCAP', 'SETGID', 'SETPCAP', 'SETUID', 'SYS_CHROOT', 'SYS_NICE',
].map((name) => `CAP_${name}`); // prettier-ignore

export function runcConfig(spec: ContainerSpec, paths: BundlePaths): object {
  const ownNetwork = spec.network !== 'NETWORK_MODE_HOST';
  return {
    ociVersion: '1.0.2',
    hostname: spec.name,
    root: { path: paths.rootfs, readonly: spec.readOnly },
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: spec.command,
      env: [defaultPath, 'HOME=/root', ...spec.env],
      cwd: '/',
      capabilities: Object.fromEntries(
        ['bounding', 'effective', 'permitted'].map((set) => [set, capabilities]),
      ),
      rlimits: [{ type: 'RLIMIT_NOFILE', hard: 65536, soft: 65536 }],
      noNewPrivileges: true,
    },
    mounts: mountsOf(spec, paths.emptyFolder),
    linux: {
      cgroupsPath: cgroupPath(spec.name),
      resources: spec.memoryLimitBytes > 0 ? { memory: { limit: spec.memoryLimitBytes } } : {},
      namespaces: [
        ...['pid', 'mount', 'ipc', 'uts'].map((type) => ({ type })),
        ...(ownNetwork ? [{ type: 'network', path: paths.networkNamespace }] : []),
      ],
      maskedPaths: ['/proc/kcore', '/proc/keys', '/proc/timer_list'],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    },
    annotations: { 'org.criu.config': paths.criuConfig },
  };
}

interface Mount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options?: readonly string[];
}

/** The folders in the root itself that are mounted on: none below a tmpfs of the container's. */
export function mountPointsOf(spec: ContainerSpec): string[] {
  const mounts = mountsOf(spec, '');
  const isBelow = (destination: string, { type, destination: parent }: Mount): boolean =>
    type === 'tmpfs' && destination.startsWith(`${parent}/`);
  return mounts
    .map(({ destination }) => destination)
    .filter((destination) => !mounts.some((mount) => isBelow(destination, mount)));
}

function mountsOf(spec: ContainerSpec, emptyFolder: string): Mount[] {
  return [
    { destination: '/proc', type: 'proc', source: 'proc' },
    tmpfs('/dev', ['nosuid', 'strictatime', 'mode=755', 'size=65536k']),
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    tmpfs('/dev/shm', ['nosuid', 'noexec', 'nodev', 'mode=1777']),
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
    { destination: '/sys/firmware', type: 'bind', source: emptyFolder, options: ['bind', 'ro'] },
    ...spec.tmpfs.map((destination) => tmpfs(destination, ['nosuid', 'nodev', 'mode=1777'])),
  ];
}

function tmpfs(destination: string, options: readonly string[]): Mount {
  return { destination, type: 'tmpfs', source: 'tmpfs', options };
}

/** Below /sys/fs/cgroup. */
export function cgroupPath(name: string): string {
  return `/portkey/${name}`;
}
