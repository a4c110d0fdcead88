"""An import contract that import-linter lacks: neighbours are apart, but a family is one.

The modules `webchat`, `webchat_wire` and `webchat_rooms` are one family: what stands before the
first underscore is its name.
"""

from __future__ import annotations

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class FamiliesContract(Contract):
    """Modules of one family of `package` import none of another family of it."""

    package = fields.StringField()

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        root = f"{self.package}."
        inside = {name for name in graph.modules if name.startswith(root)}
        breaches = sorted(
            (importer, imported)
            for importer in inside
            for imported in graph.find_modules_directly_imported_by(importer) & inside
            if self._family(importer) != self._family(imported)
        )
        return ContractCheck(kept=not breaches, metadata={"breaches": breaches})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for importer, imported in check.metadata["breaches"]:
            output.print_error(f"{importer} must not import {imported}: they are of two families.")

    def _family(self, module: str) -> str:
        return module.removeprefix(f"{self.package}.").partition(".")[0].partition("_")[0]
