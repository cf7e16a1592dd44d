// The envelope of a bundle in the eyes of @sigstore/verify, and envelopes signed with Node's own crypto in ours.
'use strict';
const assert = require('assert');
const crypto = require('crypto');
const fs = require('fs');
const { execFileSync, spawnSync } = require('child_process');
const { bundleFromJSON } = require('@sigstore/bundle');
const { dsse } = require('@sigstore/core');
const { Verifier, toSignedEntity } = require('@sigstore/verify');

const run = (program, ...args) => execFileSync(program, args, { maxBuffer: 1 << 26 });
const TYPE = 'application/vnd.in-toto+json';

function verifiesThere(envelope, pem) {
  const bundle = bundleFromJSON({
    mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.2',
    verificationMaterial: { publicKey: { hint: 'key' }, tlogEntries: [] },
    dsseEnvelope: envelope,
  });
  const trusted = {
    certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [],
    publicKey: () => ({ publicKey: crypto.createPublicKey(pem), validFor: () => true }),
  };
  try {
    new Verifier(trusted, { tlogThreshold: 0, ctlogThreshold: 0, tsaThreshold: 0 }).verify(toSignedEntity(bundle));
    return true;
  } catch (e) {
    if (e.code !== 'SIGNATURE_ERROR') throw e;
    return false;
  }
}

function makeBundle(key) {
  fs.mkdirSync('kit/data', { recursive: true });
  fs.writeFileSync('kit/data/a.txt', 'a');
  fs.writeFileSync('kit/bundle.json', JSON.stringify({
    bundleId: 'peers', kind: 'data', version: '1.0.0', generation: 1, producer: 'tests', tenants: ['*'],
    createdAt: '2026-01-01T00:00:00Z' }));
  run('airlock', 'bundle', 'build', 'kit', '-o', 'kit.tar.zst', '--key', key);
}

const envelopeOf = (file) => JSON.parse(run('bash', '-c', `zstd -dcq ${file} | tar -xOf - manifest.dsse.json`));

// What airlock signs verifies there; another key and another payload do not.
for (const algorithm of ['ed25519', 'ecdsa-p256']) {
  run('airlock', 'key', 'generate', '--out', algorithm, '--algorithm', algorithm);
  run('airlock', 'key', 'generate', '--out', algorithm + '-other', '--algorithm', algorithm);
  makeBundle(algorithm + '.key');
  const envelope = envelopeOf('kit.tar.zst');
  assert(verifiesThere(envelope, fs.readFileSync(algorithm + '.pub')), algorithm);
  assert(!verifiesThere(envelope, fs.readFileSync(algorithm + '-other.pub')), algorithm + ', another key');
  const changed = { ...envelope, payload: Buffer.from('{}').toString('base64') };
  assert(!verifiesThere(changed, fs.readFileSync(algorithm + '.pub')), algorithm + ', another payload');
}

// The manifest's frames replaced by an envelope of ours: what airlock copies when it signs is all but those.
function withEnvelope(envelope) {
  fs.copyFileSync('kit.tar.zst', 'swapped.tar.zst');
  const { copiedBytes } = JSON.parse(run('airlock', 'bundle', 'sign', 'swapped.tar.zst', '--key', 'ed25519.key', '--json'));
  const rest = fs.readFileSync('kit.tar.zst').subarray(-copiedBytes);
  fs.writeFileSync('manifest.dsse.json', JSON.stringify(envelope));
  const tar = run('tar', '--format=ustar', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@0', '--mode=0644', '-b1',
    '-cf', '-', 'manifest.dsse.json');
  const frame = spawnSync('zstd', ['-q', '--check'], { input: tar.subarray(0, -1024), maxBuffer: 1 << 26 }).stdout;
  fs.writeFileSync('swapped.tar.zst', Buffer.concat([frame, rest]));
}

const { payload } = envelopeOf('kit.tar.zst');
const message = dsse.preAuthEncoding(TYPE, Buffer.from(payload, 'base64'));
const pss = { padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: crypto.constants.RSA_PSS_SALTLEN_DIGEST };
const makers = [
  ['ed25519', {}, null, {}],
  ['ec', { namedCurve: 'P-256' }, 'sha256', {}],
  ['ec', { namedCurve: 'P-256' }, 'sha256', { dsaEncoding: 'ieee-p1363' }],
  ['ec', { namedCurve: 'P-384' }, 'sha384', {}],
  ['ec', { namedCurve: 'P-384' }, 'sha256', {}],
  ['rsa', { modulusLength: 2048 }, 'sha256', {}],
  ['rsa', { modulusLength: 3072 }, 'sha256', pss],
];
for (const [type, options, hash, how] of makers) {
  const { publicKey, privateKey } = crypto.generateKeyPairSync(type, options);
  fs.writeFileSync('theirs.pub', publicKey.export({ type: 'spki', format: 'pem' }));
  const name = `${type} ${JSON.stringify(options)} ${hash}`;
  const check = (text) => {
    const sig = crypto.sign(hash, text, { key: privateKey, ...how });
    withEnvelope({ payload, payloadType: TYPE, signatures: [{ sig: sig.toString('base64') }] });
    return spawnSync('airlock', ['bundle', 'verify', 'swapped.tar.zst', '--key', 'theirs.pub', '--json']);
  };
  const good = check(message);
  assert.strictEqual(good.status, 0, `${name}: ${good.stderr}${good.stdout}`);
  const bad = check(Buffer.from(payload, 'base64'));
  assert.strictEqual(bad.status, 2, `${name}: the bare payload was taken for PAE`);
  assert.match(String(bad.stderr), /dsse:threshold/);
}

// A private key that Node wrote is ours, and the reverse.
const { privateKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'P-384' });
fs.writeFileSync('node.key', privateKey.export({ type: 'pkcs8', format: 'pem' }));
run('airlock', 'key', 'import', 'node.key', '--out', 'ours');
assert(crypto.createPrivateKey(fs.readFileSync('ours.key')).equals(privateKey));
console.log('airlock and @sigstore/verify agree');
