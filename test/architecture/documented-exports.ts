/**
 * @file Finds public symbols without a doc comment. Follows the re-exports of an `index.ts` to the declarations by syntax
 * alone, which is fast; what comes from a package is not followed.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import typescript from 'typescript';

/** Where a symbol is declared, and whether a doc comment stands before it. */
interface Declaration {
  readonly file: string;
  readonly documented: boolean;
}

const cache = new Map<string, Map<string, Declaration>>();

const hasDocComment = (node: typescript.Node) => typescript.getJSDocCommentsAndTags(node).length > 0;

/** All exports of a file by name. */
export function exportsOf(file: string): Map<string, Declaration> {
  const known = cache.get(file);
  if (known !== undefined) return known;
  const found = new Map<string, Declaration>();
  const local = new Map<string, Declaration>();
  cache.set(file, found);
  const add = (name: string, node: typescript.Node, exported: boolean) => {
    const documented = hasDocComment(node) || (local.get(name)?.documented ?? false);
    local.set(name, { file, documented });
    if (exported) found.set(name, { file, documented });
  };
  const source = typescript.createSourceFile(file, readFileSync(file, 'utf8'), typescript.ScriptTarget.ES2023, true);
  for (const statement of source.statements) {
    const modifiers = typescript.canHaveModifiers(statement) ? typescript.getModifiers(statement) : undefined;
    const exported = modifiers?.some((m) => m.kind === typescript.SyntaxKind.ExportKeyword) ?? false;
    if (typescript.isVariableStatement(statement)) {
      for (const declaration of statement.declarationList.declarations) {
        const names = typescript.isIdentifier(declaration.name) ? [declaration.name] : boundNames(declaration.name);
        for (const name of names) add(name.text, statement, exported);
      }
    } else if (
      typescript.isFunctionDeclaration(statement) ||
      typescript.isClassDeclaration(statement) ||
      typescript.isInterfaceDeclaration(statement) ||
      typescript.isTypeAliasDeclaration(statement)
    ) {
      if (statement.name !== undefined) add(statement.name.text, statement, exported);
    }
  }
  for (const statement of source.statements) {
    if (!typescript.isExportDeclaration(statement)) continue;
    const specifier = statement.moduleSpecifier;
    const from = specifier !== undefined && typescript.isStringLiteral(specifier) ? specifier.text : undefined;
    if (from !== undefined && !from.startsWith('.')) continue;
    const origin = from === undefined ? local : exportsOf(join(dirname(file), from));
    const clause = statement.exportClause;
    if (clause === undefined) {
      for (const [name, declaration] of origin) found.set(name, declaration);
    } else if (typescript.isNamedExports(clause)) {
      for (const element of clause.elements) {
        const declaration = origin.get((element.propertyName ?? element.name).text);
        if (declaration !== undefined) found.set(element.name.text, declaration);
      }
    } else {
      found.set(clause.name.text, { file, documented: hasDocComment(statement) });
    }
  }
  return found;
}

/** The names bound by a destructuring declaration. */
function boundNames(pattern: typescript.BindingPattern): typescript.Identifier[] {
  return pattern.elements.flatMap((element) => {
    if (!typescript.isBindingElement(element)) return [];
    return typescript.isIdentifier(element.name) ? [element.name] : boundNames(element.name);
  });
}

/** The undocumented exports of an `index.ts`, as `name (file)`. */
export function undocumentedExports(index: string): string[] {
  return [...exportsOf(index)]
    .filter(([, declaration]) => !declaration.documented)
    .map(([name, declaration]) => `${name} (${declaration.file})`);
}
