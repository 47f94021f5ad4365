"""Station mode: tag after tag, at one reader or several, and none is lost.

`run_station` draws nothing; what happens it tells as events, and displays show those.
"""

from ntag424_provisioning.station._closing import summary_text
from ntag424_provisioning.station._control import Control
from ntag424_provisioning.station._events import Event
from ntag424_provisioning.station._first_article import Operator
from ntag424_provisioning.station._labels import LabelSource, LabelTemplate
from ntag424_provisioning.station._manifest import Manifest
from ntag424_provisioning.station._post import Stock, Times
from ntag424_provisioning.station._reasons import StopReason
from ntag424_provisioning.station._report import NoReport, Records, Report
from ntag424_provisioning.station._run import run_station
from ntag424_provisioning.station._settings import (
    FEW,
    FirstArticle,
    Provisioning,
    Rotation,
    StationSettings,
    Task,
)
from ntag424_provisioning.station._summary import Remaining, Summary

__all__ = [
    "FEW",
    "Control",
    "Event",
    "FirstArticle",
    "LabelSource",
    "LabelTemplate",
    "Manifest",
    "NoReport",
    "Operator",
    "Provisioning",
    "Records",
    "Remaining",
    "Report",
    "Rotation",
    "StationSettings",
    "Stock",
    "StopReason",
    "Summary",
    "Task",
    "Times",
    "run_station",
    "summary_text",
]
