"""What the fields of results and the parameters of tools are called in a sentence."""

__all__ = ["label"]


def label(field: str) -> str:
    """The name of a field or parameter as words: `price_eur` is "price in euros"."""
    if field in _LABELS:
        return _LABELS[field]
    words = field.split("_")
    if field in _COUNTS:
        return f"number of {' '.join(words)}"
    if len(words) > 1 and words[-1] in _SUFFIXES:
        return " ".join([*words[:-1], _SUFFIXES[words[-1]]])
    return " ".join(words)


_SUFFIXES = {
    "eur": "in euros",
    "cents": "in cents",
    "kg": "in kilos",
    "percent": "in percent",
    "no": "number",
    "minutes": "in minutes",
    "seconds": "in seconds",
    "mb": "in megabytes",
    "gb": "in gigabytes",
    "gib": "in GiB",
    "litres": "in litres",
    "kmh": "in km/h",
    "mm": "in millimetres",
    "km": "in km",
    "m": "in metres",
}
_COUNTS = frozenset(
    (
        *("bags", "boxes", "count", "cycles", "days", "days_left", "extra_nights", "guests"),
        *("helpers", "hours", "items", "likes", "litres", "months", "nights", "packs"),
        *("pages", "pieces", "players", "seats", "stars", "trees", "views", "visits", "waiters"),
        *("wins", "years"),
    )
)
_LABELS = {
    "approved": "decision",
    "arrives": "time of arrival",
    "at": "time",
    "celsius": "temperature",
    "centre": "centre of the zone",
    "chlorine_mg": "chlorine level",
    "closes": "closing time",
    "coming": "answer of the guest",
    "contains": "list of allergens",
    "deliver_on": "delivery date",
    "due": "due date",
    "due_back": "return date",
    "expires": "expiry date",
    "from_day": "first day",
    "grams": "weight in grams",
    "kg_per_day": "yield a day",
    "kilograms": "weight in kilograms",
    "kcal": "energy in kcal",
    "left_dpt": "power of the left lens",
    "lift_percent": "lift in percent",
    "minutes": "length in minutes",
    "near": "nearest city",
    "new_return": "new return date",
    "off_at": "switch-off time",
    "on_at": "switch-on time",
    "open_eur": "open amount in euros",
    "opens": "opening time",
    "percent": "degree of opening",
    "publish_at": "time of publication",
    "raw_kg": "raw stock in kilos",
    "ready_on": "pick-up date",
    "received": "date of receipt",
    "right_dpt": "power of the right lens",
    "roasted_kg": "roasted stock in kilos",
    "season_ends": "end of the season",
    "share": "share of users",
    "since": "date of arrival",
    "start": "date and time of the start",
    "takeoff": "time of take-off",
    "taken": "date of the backup",
    "to": "new date and time",
    "until": "end",
    "vcpus": "number of CPUs",
    "vm": "name of the machine",
    "years_old": "age in years",
    "yearly_eur": "yearly price in euros",
}
