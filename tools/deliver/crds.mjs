// Checks custom resources against what their makers publish: crds.mjs NODE_MODULES < LIST-OF-OBJECTS.json
// The compiled schemas find values that are not allowed, the types find fields that are not there.  What is found is
// written as a list of {object, message}; a kind that no package has is an error of that list, too.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const modules = resolve(process.argv[2]);
const scope = join(modules, "@kubernetes-models");
const objects = JSON.parse(readFileSync(0, "utf8"));
const nameOf = (object) => `${object.kind}/${object.metadata?.name ?? "?"}`;

/** The module of a kind, without its ending. */
function moduleOf(object) {
  for (const each of readdirSync(scope)) {
    const path = join(scope, each, object.apiVersion, object.kind);
    if (existsSync(`${path}.js`)) return path;
  }
  return null;
}

async function valuesOf(object, path) {
  const { [object.kind]: Kind } = await import(pathToFileURL(`${path}.js`));
  try {
    new Kind(object).validate();
    return [];
  } catch (error) {
    return [{ object: nameOf(object), message: error.message }];
  }
}

function typesOf(found) {
  const ts = createRequire(join(modules, "x.js"))("typescript");
  // Beside the packages, so that their names are found from there.
  const folder = mkdtempSync(join(modules, ".checked-"));
  try {
    const files = found.map(({ object, path }, index) => {
      const from = `@kubernetes-models/${path.slice(scope.length + 1)}`;
      const file = join(folder, `object${index}.ts`);
      writeFileSync(file, `import type { I${object.kind} as Kind } from "${from}";\nexport const it: Kind = ${JSON.stringify(object)};\n`);
      return file;
    });
    const program = ts.createProgram(files, {
      strict: true, noEmit: true, skipLibCheck: true, types: [],
      module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, target: ts.ScriptTarget.ES2022,
    });
    return files.flatMap((file, index) => {
      const source = program.getSourceFile(file);
      const told = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
      return told.map((each) => ({
        object: nameOf(found[index].object), message: ts.flattenDiagnosticMessageText(each.messageText, " "),
      }));
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const found = objects.map((object) => ({ object, path: moduleOf(object) }));
const known = found.filter(({ path }) => path);
const complaints = [
  ...found.filter(({ path }) => !path).map(({ object }) => ({ object: nameOf(object), message: `nobody knows ${object.apiVersion}` })),
  ...(await Promise.all(known.map(({ object, path }) => valuesOf(object, path)))).flat(),
  ...(known.length ? typesOf(known) : []),
];
process.stdout.write(JSON.stringify(complaints));
