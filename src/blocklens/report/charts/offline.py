"""Charts that show offline in a notebook: as Vega-Lite where it is known, as a PNG elsewhere.

Altair's own display loads Vega from another host. JupyterLab and VS Code draw the specification by
themselves; Colab, GitHub and nbconvert show the PNG, which stays in the saved notebook.
"""

from typing import Any

import altair as alt
import vl_convert

VEGA_LITE = f"application/vnd.vegalite.v{alt.SCHEMA_VERSION.removeprefix('v').split('.')[0]}+json"


class Offline:
    """What a notebook shows of a chart."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        spec = self.to_dict()  # type: ignore[attr-defined]
        bundle = {
            VEGA_LITE: spec,
            "image/png": vl_convert.vegalite_to_png(spec, scale=2),
            "text/plain": f"<{type(self).__name__}>",
        }
        wanted = set(include or bundle) - set(exclude or ())
        return {kind: content for kind, content in bundle.items() if kind in wanted}


KINDS = {
    kind: type(kind.__name__, (Offline, kind), {})
    for kind in (alt.Chart, alt.LayerChart, alt.FacetChart)
}


def shown_offline(chart: Any) -> Any:
    """The same chart, of a kind that notebooks show without a network.

    Set past Altair, which takes every attribute for a part of the specification.
    """
    object.__setattr__(chart, "__class__", KINDS.get(type(chart), type(chart)))
    return chart
