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
 * All that the internet gives out in IPv6. Everything outside is refused: loopback, link-local, unique local, multicast,
 * and the forms that carry an IPv4 address (mapped, translated). Source: IANA's IPv6 address space registry.
 */
const GLOBAL_V6 = ['2000::', 3] as const;

/** Inside it: protocols (Teredo among them), documentation, and 6to4, which carries an IPv4 address. */
const NOT_PUBLIC_V6: readonly (readonly [string, number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];

const notPublic = new BlockList();
for (const [address, prefix] of NOT_PUBLIC_V4) notPublic.addSubnet(address, prefix, 'ipv4');
for (const [address, prefix] of NOT_PUBLIC_V6) notPublic.addSubnet(address, prefix, 'ipv6');
const globalV6 = new BlockList();
globalV6.addSubnet(...GLOBAL_V6, 'ipv6');

export type AddressRule = (address: string) => boolean;

/** Which IP addresses a webhook may reach: public ones, and those in the networks that the operator named. */
export function addressRule(allowed: readonly Network[] = []): AddressRule {
  const named = new BlockList();
  for (const { address, prefix } of allowed) named.addSubnet(address, prefix, isIPv4(address) ? 'ipv4' : 'ipv6');
  return (address) => {
    // What cannot be read, such as an address with a zone (fe80::1%eth0), is not a public one.
    if (isIP(address) === 0 || address.includes('%')) return false;
    const family = isIPv4(address) ? 'ipv4' : 'ipv6';
    if (named.check(address, family)) return true;
    if (notPublic.check(address, family)) return false;
    return family === 'ipv4' || globalV6.check(address, 'ipv6');
  };
}
