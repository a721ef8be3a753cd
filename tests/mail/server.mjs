// A mail server on loopback for the tests: takes mails by SMTP (STARTTLS, authentication), and writes each as a line of
// JSON. First line: its port. Lines on standard input switch it: `refuse 450` answers recipients so, `take` takes them.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import PostalMime from 'postal-mime';
import { SMTPServer } from 'smtp-server';

const [folder, mode] = process.argv.slice(2);
const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(folder, name));
const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-addext', 'basicConstraints=critical,CA:FALSE'];
const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
execFileSync('openssl', ['req', '-x509', ...curve, '-nodes', '-days', '2', '-keyout', key, '-out', cert, ...subject], { stdio: 'ignore' });

let refusal = 0;
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const server = new SMTPServer({
  secure: mode === 'tls',
  key: readFileSync(key),
  cert: readFileSync(cert),
  authOptional: false,
  hideSTARTTLS: mode === 'plain',
  disabledCommands: mode === 'plain' ? ['STARTTLS'] : [],
  onAuth(auth, session, done) {
    const right = auth.username === 'stats' && auth.password === 'correct horse' && (session.secure || mode === 'plain');
    done(right ? null : new Error('wrong user or password'), right ? { user: 'stats' } : undefined);
  },
  onRcptTo(address, session, done) {
    if (refusal === 0) return done();
    // Servers quote the recipient in their answers.
    return done(Object.assign(new Error(`<${address.address}> not taken`), { responseCode: refusal }));
  },
  onData(stream, session, done) {
    const chunks = [];
    stream.on('data', (chunk) => chunks.push(chunk));
    stream.on('end', async () => {
      const raw = Buffer.concat(chunks);
      const mail = await PostalMime.parse(raw);
      const headers = Object.fromEntries(mail.headers.map(({ key: name, value }) => [name, value]));
      say({
        to: session.envelope.rcptTo.map(({ address }) => address),
        from: session.envelope.mailFrom.address,
        secure: session.secure,
        subject: mail.subject,
        text: mail.text,
        html: mail.html,
        headers,
      });
      done();
    });
  },
});
server.on('error', () => {});
server.listen(0, '127.0.0.1', () => say({ port: server.server.address().port }));

createInterface({ input: process.stdin })
  .on('line', (line) => {
    refusal = line.startsWith('refuse ') ? Number(line.slice(7)) : 0;
    say({ refusal });
  })
  .on('close', () => process.exit(0));
