/**
 * Who speaks on a gRPC connection, as its certificate says.
 *
 * A certificate of Portkey's has one URI among its subject alternative names: `portkey:ROLE`, or `portkey:ROLE/NAME` for
 * what belongs to one VM (its agents) or one host (its relay). Nothing else in it counts, neither its subject nor DNS names:
 * services move between addresses, and an address is no proof of a role.
 */

export const roles = [
  'operator',
  'controller',
  'relay',
  'checkpoint',
  'restore',
  'guest',
  'workload',
] as const;
export type Role = (typeof roles)[number];

export interface Identity {
  readonly role: Role;
  /** The VM of an agent, the host of a relay; empty for the others. */
  readonly name: string;
}

const scheme = 'portkey:';
const namePattern = /[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}/;
const uriPattern = new RegExp(`^URI:portkey:([a-z]+)(?:/(${namePattern.source}))?$`);
const wholeNamePattern = new RegExp(`^${namePattern.source}$`);

/** For messages: what `isName` asks for. */
export const nameRule =
  'up to 63 letters, digits, dots, dashes and underscores, of which the first is a letter or a digit';

/** Whether a certificate can have it as the name of a VM or a host. Such a name is also safe as part of a file's. */
export function isName(text: string): boolean {
  return wholeNamePattern.test(text);
}

export function uriOf({ role, name }: Identity): string {
  return name === '' ? `${scheme}${role}` : `${scheme}${role}/${name}`;
}

/**
 * `names` as Node has them (tls: `subjectaltname`). Undefined where there is no identity, or more than one: a name that Node
 * had to quote is none of ours.
 */
export function identityOf(names: string | undefined): Identity | undefined {
  const found = (names ?? '').split(', ').filter((name) => name.startsWith(`URI:${scheme}`));
  const [, role, name = ''] = uriPattern.exec(found.length === 1 ? (found[0] ?? '') : '') ?? [];
  return isRole(role) ? { role, name } : undefined;
}

export function isSame(one: Identity, other: Identity): boolean {
  return one.role === other.role && one.name === other.name;
}

function isRole(text: string | undefined): text is Role {
  return (roles as readonly (string | undefined)[]).includes(text);
}
