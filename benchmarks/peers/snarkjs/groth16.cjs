// Peer of benchmarks/groth16.py: snarkjs in a process that stays, its files in memory.
// node groth16.cjs NODE_MODULES groth16-prove THREADS ZKEY WTNS FOLDER
// node groth16.cjs NODE_MODULES groth16-verify THREADS KEY PUBLIC PROOF
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const readline = require("node:readline");

const say = (answer) => process.stdout.write(JSON.stringify(answer) + "\n");
const json = (file) => JSON.parse(fs.readFileSync(file, "utf8"));

async function tasks(snarkjs, name, files) {
  if (name === "groth16-prove") {
    const [key, witness] = files.slice(0, 2).map((file) => new Uint8Array(fs.readFileSync(file)));
    const save = (file, value) => fs.writeFileSync(path.join(files[2], file), JSON.stringify(value));
    return async () => {
      const start = process.hrtime.bigint();
      const made = await snarkjs.groth16.prove({ type: "mem", data: key }, { type: "mem", data: witness });
      const spent = Number(process.hrtime.bigint() - start);
      save("proof.json", made.proof);
      save("public.json", made.publicSignals);
      return [spent, made.publicSignals.join(" ")];
    };
  }
  if (name === "groth16-verify") {
    const [key, signals, proof] = files.map(json);
    return async () => {
      const start = process.hrtime.bigint();
      const accepted = await snarkjs.groth16.verify(key, signals, proof);
      return [Number(process.hrtime.bigint() - start), accepted ? "valid" : "refused"];
    };
  }
  throw new Error(`unknown task ${name}`);
}

async function main() {
  const [modules, name, , ...files] = process.argv.slice(2);
  const task = await tasks(require(path.resolve(modules, "snarkjs")), name, files);
  say({ ready: "snarkjs" });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const spent = [];
    let result = "";
    for (let i = 0; i < Number(line); i++) {
      const [ns, text] = await task();
      spent.push(ns);
      result = text;
    }
    say({ ns: spent, result });
  }
}

main().then(() => process.exit(0), (error) => {
  say({ error: String(error && error.message) });
  process.exit(0);
});
