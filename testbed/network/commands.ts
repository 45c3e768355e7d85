/**
 * The commands that build the test bed's network.
 *
 *   portkey-outside               portkey-host-a
 *   switch (bridge) ── host-a ═══ uplink ── br0 (bridge) ── tap0 ── VM
 *
 * ═══ is a veth pair with a token-bucket filter at both ends: the link between a host and the others. Bridges
 * forward at once and IPv6 is off, so that nothing but the test bed's own traffic is on the link.
 *
 * A bridge has a MAC address of its own. Left to itself it would take the lowest of its ports', and change it with
 * every tap that comes or goes: a neighbour that knows the old one then sends into the void until it asks again,
 * which is more than five seconds later.
 */
import { macOf, networkPrefix, outsideAddress, outsideNamespace, type VmPlace } from '../topology.js';

export type Command = readonly string[];

export const tapName = 'tap0';
const switchName = 'switch';

const withoutIpv6 = 'cd /proc/sys/net/ipv6/conf/default 2>/dev/null || exit 0; echo 1 >disable_ipv6';

/** Queued at most this long on a full link; beyond it, packets are dropped. */
const linkLatency = '50ms';

/** `linkBitsPerSecond` undefined: no limit. */
export function networkCommands(vms: readonly VmPlace[], linkBitsPerSecond: number | undefined): Command[] {
  return [
    ...namespaceCommands(outsideNamespace, switchName, outsideAddress),
    ...vms.flatMap((vm) => [
      ...namespaceCommands(vm.namespace, 'br0', vm.hostAddress),
      ...uplinkCommands(vm, linkBitsPerSecond),
      ...tapCommands(vm.namespace, tapName),
    ]),
  ];
}

function namespaceCommands(namespace: string, bridge: string, address: string): Command[] {
  return [
    ['ip', 'netns', 'add', namespace],
    ['ip', 'netns', 'exec', namespace, 'sh', '-c', withoutIpv6],
    ['ip', '-n', namespace, 'link', 'set', 'lo', 'up'],
    ...bridgeCommands(namespace, bridge, address),
  ];
}

function bridgeCommands(namespace: string | undefined, bridge: string, address: string): Command[] {
  const options = ['type', 'bridge', 'forward_delay', '0', 'mcast_snooping', '0'];
  return [
    [...ip(namespace), 'link', 'add', bridge, 'address', macOf(address), ...options],
    [...ip(namespace), 'address', 'add', `${address}/${networkPrefix}`, 'dev', bridge],
    [...ip(namespace), 'link', 'set', bridge, 'up'],
  ];
}

function uplinkCommands(vm: VmPlace, linkBitsPerSecond: number | undefined): Command[] {
  const { host, namespace } = vm;
  const peer = ['type', 'veth', 'peer', 'name', 'uplink', 'netns', namespace];
  return [
    ['ip', '-n', outsideNamespace, 'link', 'add', host, ...peer],
    ['ip', '-n', outsideNamespace, 'link', 'set', host, 'master', switchName, 'up'],
    ['ip', '-n', namespace, 'link', 'set', 'uplink', 'master', 'br0', 'up'],
    ...limitCommands(outsideNamespace, host, linkBitsPerSecond),
    ...limitCommands(namespace, 'uplink', linkBitsPerSecond),
  ];
}

function limitCommands(
  namespace: string | undefined,
  device: string,
  bitsPerSecond: number | undefined,
): Command[] {
  if (bitsPerSecond === undefined) return [];
  const rate = ['rate', `${Math.round(bitsPerSecond)}bit`];
  const burst = ['burst', String(burstBytes(bitsPerSecond)), 'latency', linkLatency];
  return [['tc', ...inside(namespace), 'qdisc', 'add', 'dev', device, 'root', 'tbf', ...rate, ...burst]];
}

/** What a timer tick of 4 ms lets through at that rate, and at least two packets of the largest offloaded size. */
export function burstBytes(bitsPerSecond: number): number {
  return Math.max(128 * 1024, Math.ceil((bitsPerSecond / 8) * 0.004));
}

/** A tap on the bridge of a host that exists. `owner`: the user who may open it besides root. */
export function tapCommands(namespace: string | undefined, tap: string, owner?: number): Command[] {
  const owned = owner === undefined ? [] : ['user', String(owner)];
  return [
    [...ip(namespace), 'tuntap', 'add', 'dev', tap, 'mode', 'tap', 'vnet_hdr', ...owned],
    [...ip(namespace), 'link', 'set', tap, 'master', 'br0', 'up'],
  ];
}

/**
 * A host that is a container of its own: `uplink` is the interface that the engine has given it, and hands its address over to
 * the bridge. The other end of the link is the engine's, so the limit is on what leaves the host.
 */
export function containerHostCommands(
  { hostAddress }: Pick<VmPlace, 'hostAddress'>,
  uplink: string,
  linkBitsPerSecond: number | undefined,
  owner: number,
): Command[] {
  return [
    ['ip', 'address', 'flush', 'dev', uplink],
    ...bridgeCommands(undefined, 'br0', hostAddress),
    ['ip', 'link', 'set', uplink, 'master', 'br0', 'up'],
    ...limitCommands(undefined, uplink, linkBitsPerSecond),
    ...tapCommands(undefined, tapName, owner),
  ];
}

function ip(namespace: string | undefined): string[] {
  return ['ip', ...inside(namespace)];
}

/** Undefined: the caller's own. */
function inside(namespace: string | undefined): string[] {
  return namespace === undefined ? [] : ['-n', namespace];
}
