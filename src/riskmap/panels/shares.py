"""Stub until the real one lands."""

SHARE_COLUMNS = (
    "source",
    "iso3",
    "reports",
    "unknown",
    "share",
    "share_low",
    "share_high",
    "basis",
)


def going_shares(told):
    t = told.assign(
        unknown=told["reports"] - told["told"],
        share=0.01,
        share_low=0.003,
        share_high=0.03,
        basis="shipped",
    )
    return t[list(SHARE_COLUMNS)].reset_index(drop=True)
