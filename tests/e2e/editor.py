"""An editor without a window: pygls' client, which others wrote, on `weir lsp`; the cursor is where ¦ stands in a text."""

import asyncio
import importlib.util
import os
import sys
import threading
from pathlib import Path

from support import PATIENCE_S, WEIR


def lazily(name):
    """A module that is loaded when something of it is first asked for: by the worker that needs it, and not by each that looks which tests there are."""
    spec = importlib.util.find_spec(name)
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


types = lazily("lsprotocol.types")

UNITS = {"utf-8": lambda text: len(text.encode()), "utf-16": lambda text: len(text.encode("utf-16-le")) // 2, "utf-32": len}


class Editor:
    def __init__(self, folder, *args, encodings=("utf-16",)):
        self.folder, self.texts, self.versions, self.said, self.over = Path(folder), {}, {}, {}, False
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.news = asyncio.Condition()
        from pygls.lsp.client import BaseLanguageClient  # takes as long as lsprotocol, of which it makes use

        self.client = BaseLanguageClient("editor", "1")

        @self.client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        async def heard(params):
            async with self.news:
                self.said[params.uri] = params
                self.news.notify_all()

        self.watched = []

        @self.client.feature(types.CLIENT_REGISTER_CAPABILITY)
        def registered(params):
            self.watched += [watcher["globPattern"] for one in params.registrations for watcher in one.register_options["watchers"]]

        self._do(self.client.start_io(str(WEIR), "lsp", *args, env={**os.environ, "AWS_EC2_METADATA_DISABLED": "true"}))
        general = types.GeneralClientCapabilities(position_encodings=[types.PositionEncodingKind(e) for e in encodings])
        workspace = types.WorkspaceClientCapabilities(did_change_watched_files=types.DidChangeWatchedFilesClientCapabilities(dynamic_registration=True))
        params = types.InitializeParams(capabilities=types.ClientCapabilities(general=general, workspace=workspace), process_id=None, root_uri=self.folder.as_uri())
        self.server = self._do(self.client.initialize_async(params))
        self.units = UNITS[self.server.capabilities.position_encoding or "utf-16"]
        self.client.initialized(types.InitializedParams())

    def _do(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE_S)

    def uri(self, name):
        return (self.folder / name).resolve().as_uri()

    def document(self, name):
        return types.TextDocumentIdentifier(self.uri(name))

    # ---- texts ----

    def place(self, text, offset):
        before = text[:offset]
        return types.Position(before.count("\n"), self.units(before.rpartition("\n")[2]))

    def offset(self, text, place):
        lines = text.split("\n")
        start, line = sum(len(line) + 1 for line in lines[: place.line]), (lines + [""])[place.line]
        return start + next((i for i in range(len(line) + 1) if self.units(line[:i]) >= place.character), len(line))

    def open(self, text, name="weir.yaml"):
        """Opens it, or gives it another text; the cursor's mark is no part of it."""
        text = text.replace("¦", "")
        version = self.versions[name] = self.versions.get(name, 0) + 1
        if name in self.texts:
            whole = types.TextDocumentContentChangeWholeDocument(text)
            self.client.text_document_did_change(types.DidChangeTextDocumentParams(types.VersionedTextDocumentIdentifier(version, self.uri(name)), [whole]))
        else:
            self.client.text_document_did_open(types.DidOpenTextDocumentParams(types.TextDocumentItem(self.uri(name), "yaml", version, text)))
        self.texts[name] = text

    def replace(self, start, end, new, name="weir.yaml"):
        """Types over a part of the text."""
        text = self.texts[name]
        change = types.TextDocumentContentChangePartial(types.Range(self.place(text, start), self.place(text, end)), new)
        self.versions[name] += 1
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(types.VersionedTextDocumentIdentifier(self.versions[name], self.uri(name)), [change]))
        self.texts[name] = text[:start] + new + text[end:]

    def changed(self, name, text):
        """Something else writes a file, and the editor, which watches it, says so."""
        (self.folder / name).write_text(text)
        event = types.FileEvent(self.uri(name), types.FileChangeType.Changed)
        self.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))

    def close(self, name="weir.yaml"):
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(self.document(name)))
        del self.texts[name]  # its versions go on: what was said of an earlier one is not meant

    # ---- questions ----

    def wrong(self, name="weir.yaml"):
        """What is said of the text as it is now: (the part of it, message)."""
        return [(self.part(name, d.range), d.message) for d in self.diagnostics(name)]

    def comes(self, parts, name="weir.yaml"):
        """Waits until something is wrong with these parts, because another file has changed."""

        async def wait():
            async with self.news:
                await self.news.wait_for(lambda: sorted(self.part(name, d.range) for d in self.said[self.uri(name)].diagnostics) == parts)

        self._do(wait())

    def part(self, name, found):
        text = self.texts[name] if name in self.texts else (self.folder / name).read_text()
        return text[self.offset(text, found.start) : self.offset(text, found.end)]

    def diagnostics(self, name="weir.yaml"):
        uri, version = self.uri(name), self.versions.get(name)

        async def wait():
            async with self.news:
                await self.news.wait_for(lambda: uri in self.said and self.said[uri].version == version)
                return self.said[uri].diagnostics

        return self._do(wait())

    def at(self, text, name="weir.yaml"):
        """Opens a text, and says where its cursor is."""
        self.open(text, name)
        return {"text_document": self.document(name), "position": self.place(text, text.index("¦"))}

    def complete(self, text, name="weir.yaml"):
        found = self._do(self.client.text_document_completion_async(types.CompletionParams(**self.at(text, name))))
        self.items = {item.label: item for item in (found.items if found else [])}
        return list(self.items)

    def accept(self, label, name="weir.yaml"):
        """The text with one of the completions taken."""
        return self.edited([self.items[label].text_edit], name)

    def resolve(self, label):
        return self._do(self.client.completion_item_resolve_async(self.items[label])).documentation.value

    def hover(self, text, name="weir.yaml"):
        found = self._do(self.client.text_document_hover_async(types.HoverParams(**self.at(text, name))))
        return found and found.contents.value

    def definition(self, text, name="weir.yaml"):
        found = self._do(self.client.text_document_definition_async(types.DefinitionParams(**self.at(text, name))))
        return found and (self.name_of(found.uri), found.range.start.line + 1, self.part(self.name_of(found.uri), found.range))

    def references(self, text, name="weir.yaml"):
        context = types.ReferenceContext(include_declaration=True)
        found = self._do(self.client.text_document_references_async(types.ReferenceParams(context=context, **self.at(text, name))))
        return found and [(self.name_of(one.uri), one.range.start.line + 1) for one in found]

    def symbols(self, name="weir.yaml"):
        found = self._do(self.client.text_document_document_symbol_async(types.DocumentSymbolParams(self.document(name))))
        return {one.name: {child.name: child.detail for child in one.children} for one in found}

    def format(self, name="weir.yaml"):
        options = types.FormattingOptions(tab_size=2, insert_spaces=True)
        return self.edited(self._do(self.client.text_document_formatting_async(types.DocumentFormattingParams(self.document(name), options))), name)

    def repairs(self, name="weir.yaml"):
        whole = types.Range(types.Position(0, 0), types.Position(9999, 0))
        context = types.CodeActionContext(self.diagnostics(name))
        found = self._do(self.client.text_document_code_action_async(types.CodeActionParams(self.document(name), whole, context)))
        return {one.title: self.edited(one.edit.changes[self.uri(name)], name) for one in found}

    def may_rename(self, text, name="weir.yaml"):
        found = self._do(self.client.text_document_prepare_rename_async(types.PrepareRenameParams(**self.at(text, name))))
        return found and found.placeholder

    def rename(self, text, new, name="weir.yaml"):
        """The files' texts afterwards."""
        found = self._do(self.client.text_document_rename_async(types.RenameParams(new_name=new, **self.at(text, name))))
        return {self.name_of(uri): self.edited(edits, self.name_of(uri)) for uri, edits in (found.changes or {}).items()}

    def name_of(self, uri):
        from urllib.parse import unquote, urlparse

        return os.path.relpath(unquote(urlparse(uri).path), self.folder.resolve())

    def edited(self, edits, name):
        text = self.texts[name] if name in self.texts else (self.folder / name).read_text()
        for edit in sorted(edits or [], key=lambda e: (e.range.start.line, e.range.start.character), reverse=True):
            start, end = self.offset(text, edit.range.start), self.offset(text, edit.range.end)
            text = text[:start] + edit.new_text + text[end:]
        return text

    def leave(self):
        """Says goodbye; the exit status."""
        self._do(self.client.shutdown_async(None))
        self.client.exit(None)
        status = self._do(self.client._server.wait())
        self.stop()
        return status

    def stop(self):
        async def end():
            if self.client._server.returncode is None:
                self.client._server.terminate()
            await self.client._server.wait()
            await self.client.stop()

        if not self.over:
            self._do(end())
            self.over = True
            self.loop.call_soon_threadsafe(self.loop.stop)
