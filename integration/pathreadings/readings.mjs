// Prints what paths are to the URL class and to the path module of Node.js, each
// before and after decoding. A line of hexadecimal digits is a path; the answer is
// a line of such readings.
import path from 'node:path'
import readline from 'node:readline'

const attempt = (f) => (p) => {
  try {
    return f(p)
  } catch {
    return p
  }
}
const steps = [
  (p) => decodeURIComponent(p),
  (p) => new URL(p, 'http://gateway.example').pathname,
  (p) => new URL('http://gateway.example' + p).pathname,
  (p) => path.posix.normalize(p),
].map(attempt)

for await (const line of readline.createInterface({ input: process.stdin })) {
  let last = [Buffer.from(line, 'hex').toString()]
  const all = new Set()
  for (let n = 0; n < 4; n++) {
    last = [...new Set(last.flatMap((p) => steps.map((step) => step(p))))].filter((p) => !all.has(p))
    last.forEach((p) => all.add(p))
  }
  console.log([...all].map((p) => Buffer.from(p).toString('hex')).join(' '))
}
