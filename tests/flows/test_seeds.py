from flows.seeds import derive


def test_seeds_follow_from_campaign_index_and_purpose():
    assert derive(0, 1, "suggest") == derive(0, 1, "suggest")
    seeds = {derive(s, i, p) for s in range(20) for i in range(20) for p in ("suggest", "tiles")}
    assert len(seeds) == 800
    assert all(0 <= seed < 2**31 for seed in seeds)
