import { describe, expect, it } from 'vitest';
import { addressRule } from '../../src/webhook/public-address.js';

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
    '::ffff:8.8.8.8',
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
