// Compiles a contract with the npm package solc and writes its artifact (ABI, bytecode, settings) as JSON.
//
//     node compile.mjs NODE_FOLDER SOURCE.sol ARTIFACT.json
//
// NODE_FOLDER is the folder that holds node_modules/solc. `make contracts` calls this for every contract.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, resolve } from "node:path";

const [nodeFolder, sourcePath, artifactPath] = process.argv.slice(2);
if (!artifactPath) {
  console.error("usage: node compile.mjs NODE_FOLDER SOURCE.sol ARTIFACT.json");
  process.exit(2);
}
const solc = createRequire(resolve(nodeFolder, "package.json"))("solc");

const name = basename(sourcePath, ".sol");
const file = `${name}.sol`;

// Shanghai is the newest target whose generated code keeps to opcodes that the rollup's circuits know (no MCOPY).
// Without metadata the bytecode depends on nothing but the source and these settings.
const settings = {
  evmVersion: "shanghai",
  optimizer: { enabled: true, runs: 10000 },
  metadata: { appendCBOR: false, bytecodeHash: "none" },
};
const input = {
  language: "Solidity",
  sources: { [file]: { content: readFileSync(sourcePath, "utf8") } },
  settings: {
    ...settings,
    outputSelection: {
      [file]: {
        [name]: ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "evm.deployedBytecode.immutableReferences"],
      },
    },
  },
};

// Imports are files of the source's own folder, named without a path.
const imported = (path) => {
  if (path !== basename(path)) return { error: `${path}: expected a file of the source's folder` };
  return { contents: readFileSync(resolve(dirname(sourcePath), path), "utf8") };
};

const output = JSON.parse(solc.compile(JSON.stringify(input), { import: imported }));
for (const message of output.errors ?? []) console.error(message.formattedMessage);
if (output.errors?.length) process.exit(1);

const { abi, evm } = output.contracts[file][name];
const immutables = Object.values(evm.deployedBytecode.immutableReferences).flat();
const artifact = {
  contract: name,
  compiler: solc.version(),
  settings,
  abi,
  bytecode: "0x" + evm.bytecode.object,
  runtime_bytecode: "0x" + evm.deployedBytecode.object,
  immutable_references: immutables.sort((a, b) => a.start - b.start),
};
writeFileSync(artifactPath, JSON.stringify(artifact, null, 2) + "\n");
