// node asl_judges.js < [definition, …]: {judge: [what it finds wrong with each, "" nothing]}. NODE_PATH leads to the packages.
const judge = require("asl-validator");
const { getLanguageService } = require("amazon-states-language-service");
const { TextDocument } = require("vscode-languageserver-textdocument");

async function main() {
  const definitions = JSON.parse(require("fs").readFileSync(0, "utf8"));
  const service = getLanguageService({});
  const said = { "asl-validator": [], "language service": [] };
  for (const definition of definitions) {
    const text = JSON.stringify(definition, null, 1);
    const document = TextDocument.create("file:///m.asl.json", "asl", 1, text);
    const found = await service.doValidation(document, service.parseJSONDocument(document));
    said["language service"].push(found.map((one) => `${one.message} at ${one.range.start.line}`).join("; "));
    try {
      const verdict = judge(JSON.parse(text));
      said["asl-validator"].push(verdict.isValid ? "" : verdict.errorsText());
    } catch (error) {
      said["asl-validator"].push(String(error));
    }
  }
  process.stdout.write(JSON.stringify(said));
}

main();
