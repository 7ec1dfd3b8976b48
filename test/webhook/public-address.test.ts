import { describe, expect, it } from 'vitest';
import { addressRule, anyAddressRule } from '../../src/webhook/public-address.js';

describe('without networks that were named', () => {
  const mayReach = addressRule();

  it.each([
    '0.0.0.0',
    '10.0.0.1',
    '10.255.255.255',
    '100.64.0.1',
    '100.127.255.254',
    '127.0.0.1',
    '127.255.0.1',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.170',
    '192.0.2.1',
    '192.168.1.1',
    '198.18.0.1',
    '224.0.0.1',
    '239.255.255.250',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:a9fe:a9fe',
    '::ffff:0:7f00:1',
    '64:ff9b::a00:1',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b::192.168.1.1',
    '64:ff9b:1::7f00:1',
    '64:ff9b:1:a9fe:a9:fe00::',
    '2a00:1450::5efe:a9fe:a9fe',
    '2a00:1450::200:5efe:a00:1',
    '169.254.0.23',
    '64:ff9b::7f00:1',
    'fe80::1',
    'fe80::1%eth0',
    'febf::1',
    'fec0::1',
    'fc00::1',
    'fd12:3456:789a::1',
    'ff02::1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::',
    'localhost',
    '',
  ])('%s may not be reached', (address) => {
    expect(mayReach(address)).toBe(false);
  });

  it.each([
    '8.8.8.8',
    '9.255.255.255',
    '11.0.0.1',
    '100.63.255.255',
    '100.128.0.1',
    '128.0.0.1',
    '172.15.0.1',
    '172.32.0.1',
    '192.167.0.1',
    '223.255.255.255',
    '2001:4860:4860::8888',
    '2606:4700:4700::1111',
    '2a00:1450:4001::1',
    '64:ff9b::808:808',
    '64:ff9b::8.8.8.8',
    '64:ff9b:1::808:808',
    '::ffff:8.8.8.8',
    '2a00:1450::5efe:808:808',
  ])('%s may be reached', (address) => {
    expect(mayReach(address)).toBe(true);
  });
});

describe('a network that was named', () => {
  const mayReach = addressRule([
    { address: '10.1.0.0', prefix: 16 },
    { address: 'fd00:1::', prefix: 32 },
  ]);

  it.each([
    ['10.1.2.3', true],
    ['10.2.0.1', false],
    ['fd00:1::5', true],
    ['fd00:2::5', false],
    ['127.0.0.1', false],
    ['8.8.8.8', true],
  ])('opens itself and nothing else: %s is %s', (address, allowed) => {
    expect(mayReach(address)).toBe(allowed);
  });
});

describe('an address that carries an IPv4 address', () => {
  const prefixes = addressRule([
    { address: '64:ff9b::', prefix: 96 },
    { address: '64:ff9b:1::', prefix: 48 },
    { address: '::ffff:0:0', prefix: 96 },
    { address: '2002::', prefix: 16 },
    { address: '2001::', prefix: 32 },
    { address: 'fe80::', prefix: 10 },
  ]);
  const ten = addressRule([{ address: '10.0.0.0', prefix: 8 }]);

  it.each([
    '64:ff9b::a9fe:a9fe',
    '64:ff9b::a00:1',
    '64:ff9b::7f00:1',
    '64:ff9b:1::a00:1',
    '64:ff9b:1:a00:0:100::',
    '::ffff:10.0.0.1',
    '2002:a00:1::1',
    '2002:a9fe:a9fe::1',
    '2001:0:808:808::f5ff:fffe',
    '2001:0:a00:1::f7f7:f7f7',
    'fe80::5efe:a00:1',
    '10.0.0.1',
  ])('%s is not opened by a name for its IPv6 network', (address) => {
    expect(prefixes(address)).toBe(false);
  });

  it.each([
    '64:ff9b::808:808',
    '64:ff9b:1::808:808',
    '2002:808:808::1',
    '2001:0:808:808::f7f7:f7f7',
    'fe80::5efe:808:808',
  ])('%s is, as the one inside is public', (address) => {
    expect(prefixes(address)).toBe(true);
  });

  it.each(['10.0.0.1', '64:ff9b::a00:1', '::ffff:10.0.0.1'])('%s is opened by a name for the one inside', (address) => {
    expect(ten(address)).toBe(true);
  });

  it('is opened by a mapped network as well', () => {
    expect(addressRule([{ address: '::ffff:10.0.0.0', prefix: 104 }])('10.0.0.1')).toBe(true);
  });
});

describe('a metadata service', () => {
  const everything = [
    { address: '0.0.0.0', prefix: 0 },
    { address: '::', prefix: 0 },
    { address: '169.254.0.0', prefix: 16 },
  ];

  it.each([
    '169.254.169.254',
    '169.254.0.23',
    '169.254.170.2',
    '100.100.100.200',
    '192.0.0.192',
    '::ffff:169.254.169.254',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b::169.254.0.23',
    '2002:a9fe:a9fe::',
    'fd00:ec2::254',
    'fd20:ce::254',
  ])('%s is never reached, whatever is named', (address) => {
    expect(addressRule(everything)(address)).toBe(false);
    expect(anyAddressRule()(address)).toBe(false);
  });

  it('has neighbours that may be named', () => {
    expect(addressRule(everything)('169.254.5.5')).toBe(true);
    expect(anyAddressRule()('10.0.0.1')).toBe(true);
    expect(anyAddressRule()('::1')).toBe(true);
  });
});
