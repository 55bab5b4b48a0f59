"""55 syntheses as a laboratory might plan them: few recipes, each followed over time."""

BASE = {"pH": 10.7, "naoh_factor": 0.12, "nh4oh_factor": 0.19}
TIMES_MIN = (60.0, 120.0, 240.0, 480.0, 720.0)


def recipes() -> list[dict[str, float | str]]:
    """Eleven recipes without their time.

    Under N2 one factor at a time about :data:`BASE`: pH 10.0, 10.7, 11.0 (the training points of Choi et al.,
    Mater. Horiz. 2026, 13, 727; the rest of their design is not published, this one is ours), four shares of
    NaOH, three of NH4OH. Under O2 three shares of NaOH at the lowest pH, where Mn(OH)2 is oxidised slowest.
    """
    nitrogen = [
        BASE,
        *({**BASE, "pH": ph} for ph in (10.0, 11.0)),
        *({**BASE, "naoh_factor": base} for base in (0.08, 0.16, 0.25)),
        *({**BASE, "nh4oh_factor": ammonia} for ammonia in (0.09, 0.29)),
    ]
    oxygen = [{"pH": 10.0, "naoh_factor": base, "nh4oh_factor": 0.14} for base in (0.08, 0.12, 0.16)]
    return [
        {**recipe, "atmosphere": gas} for gas, group in (("N2", nitrogen), ("O2", oxygen)) for recipe in group
    ]
