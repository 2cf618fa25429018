from behave.contrib.scenario_autoretry import patch_scenario_with_autoretry

from steps.faults import fault


def before_feature(context, feature):
    for scenario in feature.walk_scenarios():
        if "repeated" in scenario.effective_tags:
            patch_scenario_with_autoretry(scenario, max_attempts=2)


def before_scenario(context, scenario):
    assert not ("session" in scenario.tags and fault("fail")), "no session"
