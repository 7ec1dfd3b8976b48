import { BlockList, isIP, isIPv4 } from 'node:net';

/** One network in CIDR form. */
export interface Network {
  address: string;
  prefix: number;
}

/** Not reachable from the internet, or not a single host. Source: IANA's IPv4 special-purpose address registry. */
const NOT_PUBLIC_V4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // Also the metadata service of most clouds, 169.254.169.254.
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
];

/**
 * The globally allocated IPv6 range. Everything outside is refused: loopback, link-local, unique local, multicast. Source: IANA's
 * IPv6 address space registry.
 */
const GLOBAL_V6 = ['2000::', 3] as const;

/** Exceptions inside it: protocols (Teredo among them), documentation, and 6to4, which contains an IPv4 address. */
const NOT_PUBLIC_V6: readonly (readonly [string, number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];

/** Metadata services give credentials to any caller, so no setting allows them. Sources: the documents of the clouds. */
const NEVER: readonly string[] = [
  '169.254.169.254',
  // metadata.tencentyun.com
  '169.254.0.23',
  // AWS: tasks, pods, and instances by IPv6.
  '169.254.170.2',
  '169.254.170.23',
  'fd00:ec2::23',
  'fd00:ec2::254',
  // Alibaba, Oracle, Google by IPv6.
  '100.100.100.200',
  '192.0.0.192',
  'fd20:ce::254',
];

/**
 * IPv6 forms that only represent an IPv4 address: mapped (RFC 4291), translated (RFC 2765), and those of DNS64 (RFC 6052, RFC
 * 8215). The IPv4 address is checked instead.
 */
const STANDS_FOR_V4: readonly (readonly [string, number])[] = [
  ['::ffff:0:0', 96],
  ['::ffff:0:0:0', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
];

const notPublic = new BlockList();
for (const [address, prefix] of NOT_PUBLIC_V4) notPublic.addSubnet(address, prefix, 'ipv4');
for (const [address, prefix] of NOT_PUBLIC_V6) notPublic.addSubnet(address, prefix, 'ipv6');
const globalV6 = new BlockList();
globalV6.addSubnet(...GLOBAL_V6, 'ipv6');
const never = new BlockList();
for (const address of NEVER) never.addAddress(address, familyOf(address));
const mapped = new BlockList();
mapped.addSubnet('::ffff:0:0', 96, 'ipv6');
const standsForV4 = new BlockList();
for (const [address, prefix] of STANDS_FOR_V4) standsForV4.addSubnet(address, prefix, 'ipv6');

export type AddressRule = (address: string) => boolean;

/**
 * The IP addresses that a webhook may reach: public ones, and those in the operator's allowed networks. An IPv4 address inside an
 * IPv6 one is checked too: allowing the IPv6 network does not allow it.
 */
export function addressRule(allowed: readonly Network[] = []): AddressRule {
  const named = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const { address, prefix } of allowed) {
    const family = familyOf(address);
    named[family].addSubnet(address, prefix, family);
    // A BlockList treats an IPv6 network with all mapped addresses as all of IPv4; only a part of them is meant as IPv4.
    if (family === 'ipv6' && prefix > 96 && mapped.check(address, family))
      named.ipv4.addSubnet(address, prefix, family);
  }
  const mayReach: AddressRule = (address) => {
    // An unparsable address, such as one with a zone (fe80::1%eth0), is not public.
    if (isIP(address) === 0 || address.includes('%')) return false;
    const family = familyOf(address);
    if (never.check(address, family)) return false;
    if (family === 'ipv6') {
      if (!carriedV4(address).every(mayReach)) return false;
      if (standsForV4.check(address, family)) return true;
    }
    if (named[family].check(address, family)) return true;
    if (notPublic.check(address, family)) return false;
    return family === 'ipv4' || globalV6.check(address, 'ipv6');
  };
  return mayReach;
}

/** Any address, including private ones, except the clouds' metadata services. */
export function anyAddressRule(): AddressRule {
  return addressRule([
    { address: '0.0.0.0', prefix: 0 },
    { address: '::', prefix: 0 },
  ]);
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv4(address) ? 'ipv4' : 'ipv6';
}

/** The IPv4 addresses inside an IPv6 address, in all known forms. */
function carriedV4(address: string): string[] {
  const groups = groupsOf(address);
  const at = (index: number) => groups[index] ?? 0;
  const v4 = (high: number, low: number) => [high >> 8, high & 255, low >> 8, low & 255].join('.');
  const last = v4(at(6), at(7));
  const zeros = (from: number, to: number) => groups.slice(from, to).every((group) => group === 0);
  const found: string[] = [];
  if (standsForV4.check(address, 'ipv6')) found.push(last);
  // RFC 8215 does not fix the prefix length: a translator with the whole /48 skips the byte that is always zero (RFC 6052).
  if (at(0) === 0x64 && at(1) === 0xff9b && at(2) === 1 && !zeros(3, 6)) {
    found.push(v4(at(3), ((at(4) & 255) << 8) | (at(5) >> 8)));
  }
  // Compatible (RFC 4291); :: and ::1 are separate addresses.
  if (zeros(0, 6) && at(6) !== 0) found.push(last);
  // 6to4 (RFC 3056).
  if (at(0) === 0x2002) found.push(v4(at(1), at(2)));
  // Teredo (RFC 4380): the server, and the client with inverted bits.
  if (at(0) === 0x2001 && at(1) === 0) found.push(v4(at(2), at(3)), v4(at(6) ^ 0xffff, at(7) ^ 0xffff));
  // ISATAP (RFC 5214).
  if ((at(4) & 0xfdff) === 0 && at(5) === 0x5efe) found.push(last);
  return found;
}

/** The eight groups of an IPv6 address in the URL standard's form, without dots. */
function groupsOf(address: string): number[] {
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const numbers = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)));
  const [before, after] = [numbers(head), numbers(tail ?? '')];
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}
