package org.apache.maven.execution;

import java.io.File;

public interface MavenExecutionRequest {
    File getUserSettingsFile();

    File getGlobalSettingsFile();
}
