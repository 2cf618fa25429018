package org.junit.platform.engine;

import java.util.Optional;
import java.util.Set;

public interface TestDescriptor {
    UniqueId getUniqueId();

    String getDisplayName();

    String getLegacyReportingName();

    Set<TestTag> getTags();

    Optional<TestSource> getSource();

    Optional<TestDescriptor> getParent();

    Set<? extends TestDescriptor> getChildren();

    Set<? extends TestDescriptor> getDescendants();

    void removeFromHierarchy();

    boolean isRoot();

    boolean isTest();

    boolean mayRegisterTests();
}
